// Malformed and boundary attributes: the same bytes go to the live kernel and to ours; the errno must be
// equal.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <functional>

#include <fmt/format.h>

#include "abi/btf.h"
#include "systems.h"

namespace skep::testing {
namespace {

// One of each kind of object, on one system.
struct Objects {
  explicit Objects(System& s)
      : hash(s.map(abi::BPF_MAP_TYPE_HASH, 4, 8, 4)),
        array(s.map(abi::BPF_MAP_TYPE_ARRAY, 4, 8, 4)),
        read_only(s.map(abi::BPF_MAP_TYPE_HASH, 4, 8, 4, abi::BPF_F_RDONLY)),
        write_only(s.map(abi::BPF_MAP_TYPE_HASH, 4, 8, 4, abi::BPF_F_WRONLY)),
        frozen(s.map(abi::BPF_MAP_TYPE_ARRAY, 4, 8, 4)),
        prog_array(s.map(abi::BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 4)),
        ring(s.map(abi::BPF_MAP_TYPE_RINGBUF, 0, 0, 4096)),
        filter(s.program(abi::BPF_PROG_TYPE_SOCKET_FILTER, 0, 0)),
        classifier(s.program(abi::BPF_PROG_TYPE_SCHED_CLS, 0, 0)),
        post_bind(s.program(abi::BPF_PROG_TYPE_CGROUP_SOCK, abi::BPF_CGROUP_INET4_POST_BIND, 1)),
        raw_tracepoint(s.program(abi::BPF_PROG_TYPE_RAW_TRACEPOINT, 0, 0)) {
    s.call(abi::BPF_MAP_FREEZE, abi::map_elem_attr{.map_fd = static_cast<uint32_t>(frozen)},
           abi::kMapFreezeEnd);
    static const char kName[] = "sched_process_exit";
    abi::raw_tracepoint_open_attr open = {};
    open.name = reinterpret_cast<uint64_t>(kName);
    open.prog_fd = static_cast<uint32_t>(raw_tracepoint);
    link = static_cast<int>(s.call(abi::BPF_RAW_TRACEPOINT_OPEN, open));
    // One type, "int", behind the header of 24 bytes; then the strings.
    struct Image {
      abi::btf_header header{.magic = abi::BTF_MAGIC,
                             .version = 1,
                             .flags = 0,
                             .hdr_len = sizeof(abi::btf_header),
                             .type_off = 0,
                             .type_len = 16,
                             .str_off = 16,
                             .str_len = 5};
      uint32_t type[4] = {1, abi::BTF_KIND_INT << 24, 4, 1 << 24 | 32};
      char strings[5] = {0, 'i', 'n', 't', 0};
    };
    static const Image kBtf;
    abi::btf_load_attr load = {};
    load.btf = reinterpret_cast<uint64_t>(&kBtf);
    load.btf_size = 24 + 16 + 5;
    btf = static_cast<int>(s.call(abi::BPF_BTF_LOAD, load));
  }
  ~Objects() {
    for (const int fd : all())
      if (fd >= 0) close(fd);
  }
  std::vector<int> all() const {
    return {hash,   array,      read_only, write_only,     frozen, prog_array, ring,
            filter, classifier, post_bind, raw_tracepoint, link,   btf};
  }
  int hash, array, read_only, write_only, frozen, prog_array, ring, filter, classifier, post_bind,
      raw_tracepoint;
  int link = -1, btf = -1;
};

// The attribute as bytes that a row may set at will, with scratch memory for what it points to.
struct Request {
  uint32_t size = abi::kBpfAttrSize;
  alignas(8) std::byte attr[256] = {};
  alignas(8) std::byte memory[8192] = {};
  bool no_attr = false;

  template <class T>
  T& as() {
    return *reinterpret_cast<T*>(attr);
  }
  uint64_t at(size_t offset = 0) { return reinterpret_cast<uint64_t>(memory) + offset; }
  template <class T>
  void store(size_t offset, const T& value) {
    std::memcpy(memory + offset, &value, sizeof(value));
  }
};

using Build = std::function<void(const Objects&, Request&)>;
struct Row {
  std::string name;
  uint32_t command;
  Build build;
};

uint32_t u(int fd) { return static_cast<uint32_t>(fd); }
constexpr uint64_t kBadPointer = 0x10;

// What every command checks, whatever it does.
void add_common(std::vector<Row>& rows) {
  constexpr uint32_t kEnds[] = {abi::kMapCreateEnd,     abi::kMapLookupElemEnd,
                                abi::kMapUpdateElemEnd, abi::kMapDeleteElemEnd,
                                abi::kMapGetNextKeyEnd, abi::kProgLoadEnd,
                                abi::kObjEnd,           abi::kObjEnd,
                                abi::kProgAttachEnd,    abi::kProgAttachEnd,
                                abi::kTestRunEnd,       abi::kGetNextIdEnd,
                                abi::kGetNextIdEnd,     abi::kProgGetFdByIdEnd,
                                abi::kMapGetFdByIdEnd,  abi::kInfoEnd,
                                abi::kProgQueryEnd,     abi::kRawTracepointOpenEnd,
                                abi::kBtfLoadEnd,       abi::kBtfGetFdByIdEnd,
                                abi::kTaskFdQueryEnd,   abi::kMapLookupAndDeleteElemEnd,
                                abi::kMapFreezeEnd,     abi::kGetNextIdEnd,
                                abi::kMapBatchEnd,      abi::kMapBatchEnd,
                                abi::kMapBatchEnd,      abi::kMapBatchEnd,
                                abi::kLinkCreateEnd,    abi::kLinkUpdateEnd,
                                abi::kLinkGetFdByIdEnd, abi::kGetNextIdEnd,
                                abi::kEnableStatsEnd,   abi::kIterCreateEnd,
                                abi::kLinkDetachEnd,    abi::kProgBindMapEnd,
                                abi::kTokenCreateEnd,   abi::kProgStreamReadEnd};
  static_assert(std::size(kEnds) == abi::__MAX_BPF_CMD);
  for (uint32_t command = 0; command < abi::__MAX_BPF_CMD; ++command) {
    const uint32_t end = kEnds[command];
    if (end < abi::kBpfAttrSize)
      rows.push_back({"junk after the last field", command,
                      [end](const Objects&, Request& r) { r.attr[end] = std::byte{1}; }});
    rows.push_back({"non-zero tail beyond the known size", command, [](const Objects&, Request& r) {
                      r.size = 200;
                      r.attr[199] = std::byte{1};
                    }});
    rows.push_back({"bad attribute pointer", command, [](const Objects&, Request& r) { r.no_attr = true; }});
    rows.push_back({"more than a page", command, [](const Objects&, Request& r) { r.size = 4097; }});
    rows.push_back({"bad fds everywhere", command, [](const Objects&, Request& r) {
                      std::memset(r.attr, 0, sizeof(r.attr));
                      r.as<uint32_t>() = 0x7ffffff0;
                      r.size = 4;
                    }});
  }
  rows.push_back({"unknown command", 38, [](const Objects&, Request&) {}});
  rows.push_back({"command far out of range", 0x7fffffff, [](const Objects&, Request&) {}});
  rows.push_back({"negative command", 0xffffffff, [](const Objects&, Request&) {}});
}

void add_map_create(std::vector<Row>& rows) {
  const auto add = [&](const char* name, std::function<void(const Objects&, abi::map_create_attr&)> change) {
    rows.push_back({name, abi::BPF_MAP_CREATE, [change](const Objects& o, Request& r) {
                      auto& a = r.as<abi::map_create_attr>();
                      a.map_type = abi::BPF_MAP_TYPE_HASH;
                      a.key_size = 4;
                      a.value_size = 8;
                      a.max_entries = 4;
                      change(o, a);
                    }});
  };
  add("good", [](const Objects&, auto&) {});
  add("type 0", [](const Objects&, auto& a) { a.map_type = 0; });
  add("type 99", [](const Objects&, auto& a) { a.map_type = 99; });
  add("no entries", [](const Objects&, auto& a) { a.max_entries = 0; });
  add("no key", [](const Objects&, auto& a) { a.key_size = 0; });
  add("no value", [](const Objects&, auto& a) { a.value_size = 0; });
  add("huge value", [](const Objects&, auto& a) { a.value_size = 1u << 31; });
  add("huge key", [](const Objects&, auto& a) { a.key_size = 1u << 31; });
  add("unknown flag", [](const Objects&, auto& a) { a.map_flags = 1u << 30; });
  add("read-only and write-only",
      [](const Objects&, auto& a) { a.map_flags = abi::BPF_F_RDONLY | abi::BPF_F_WRONLY; });
  add("node without flag", [](const Objects&, auto& a) { a.numa_node = 7; });
  add("node that is not there", [](const Objects&, auto& a) {
    a.map_flags = abi::BPF_F_NUMA_NODE;
    a.numa_node = 777;
  });
  add("bad character in the name", [](const Objects&, auto& a) { std::strcpy(a.map_name, "a-b"); });
  add("name without end", [](const Objects&, auto& a) { std::memset(a.map_name, 'a', sizeof(a.map_name)); });
  add("dotted name", [](const Objects&, auto& a) { std::strcpy(a.map_name, ".rodata_x"); });
  add("junk behind the name's end", [](const Objects&, auto& a) { std::memcpy(a.map_name, "ab\0-", 4); });
  add("extra for a hash", [](const Objects&, auto& a) { a.map_extra = 1; });
  add("key type without value type", [](const Objects&, auto& a) { a.btf_key_type_id = 1; });
  add("BTF types, bad fd", [](const Objects&, auto& a) {
    a.btf_key_type_id = a.btf_value_type_id = 1;
    a.btf_fd = 9999;
  });
  add("BTF types, fd of a map", [](const Objects& o, auto& a) {
    a.btf_key_type_id = a.btf_value_type_id = 1;
    a.btf_fd = u(o.hash);
  });
  add("BTF types that are not there", [](const Objects& o, auto& a) {
    a.btf_key_type_id = a.btf_value_type_id = 1;
    a.btf_fd = u(o.btf);
  });
  add("vmlinux value type", [](const Objects&, auto& a) { a.btf_vmlinux_value_type_id = 1; });
  add("token flag, bad token", [](const Objects&, auto& a) {
    a.map_flags = abi::BPF_F_TOKEN_FD;
    a.map_token_fd = 9999;
  });
  add("array with 8-byte key", [](const Objects&, auto& a) {
    a.map_type = abi::BPF_MAP_TYPE_ARRAY;
    a.key_size = 8;
  });
  add("array without preallocation", [](const Objects&, auto& a) {
    a.map_type = abi::BPF_MAP_TYPE_ARRAY;
    a.map_flags = abi::BPF_F_NO_PREALLOC;
  });
  add("array too large", [](const Objects&, auto& a) {
    a.map_type = abi::BPF_MAP_TYPE_ARRAY;
    a.max_entries = 0xffffffff;
    a.value_size = 1 << 20;
  });
  add("program array with 8-byte value",
      [](const Objects&, auto& a) { a.map_type = abi::BPF_MAP_TYPE_PROG_ARRAY; });
  add("ring with a key", [](const Objects&, auto& a) {
    a.map_type = abi::BPF_MAP_TYPE_RINGBUF;
    a.max_entries = 4096;
  });
  add("ring of odd size", [](const Objects&, auto& a) {
    a.map_type = abi::BPF_MAP_TYPE_RINGBUF;
    a.key_size = a.value_size = 0;
    a.max_entries = 5000;
  });
  add("mappable hash", [](const Objects&, auto& a) { a.map_flags = abi::BPF_F_MMAPABLE; });
  add("inner fd", [](const Objects& o, auto& a) { a.inner_map_fd = u(o.hash); });
}

void add_elements(std::vector<Row>& rows) {
  using Change = std::function<void(const Objects&, Request&, abi::map_elem_attr&)>;
  const auto add = [&](const char* name, uint32_t command, Change change) {
    rows.push_back({name, command, [change](const Objects& o, Request& r) {
                      auto& a = r.as<abi::map_elem_attr>();
                      a.map_fd = u(o.hash);
                      a.key = r.at(0);
                      a.value = r.at(64);
                      r.size = 32;
                      change(o, r, a);
                    }});
  };
  constexpr uint32_t kAll[] = {abi::BPF_MAP_LOOKUP_ELEM, abi::BPF_MAP_UPDATE_ELEM, abi::BPF_MAP_DELETE_ELEM,
                               abi::BPF_MAP_GET_NEXT_KEY, abi::BPF_MAP_LOOKUP_AND_DELETE_ELEM};
  for (const uint32_t command : kAll) {
    add("as it is", command, [](const Objects&, Request&, auto&) {});
    add("no such fd", command, [](const Objects&, Request&, auto& a) { a.map_fd = 9999; });
    add("fd of a program", command, [](const Objects& o, Request&, auto& a) { a.map_fd = u(o.filter); });
    add("fd of BTF", command, [](const Objects& o, Request&, auto& a) { a.map_fd = u(o.btf); });
    add("standard input", command, [](const Objects&, Request&, auto& a) { a.map_fd = 0; });
    add("read-only fd", command, [](const Objects& o, Request&, auto& a) { a.map_fd = u(o.read_only); });
    add("write-only fd", command, [](const Objects& o, Request&, auto& a) { a.map_fd = u(o.write_only); });
    add("frozen map", command, [](const Objects& o, Request&, auto& a) { a.map_fd = u(o.frozen); });
    add("bad key pointer", command, [](const Objects&, Request&, auto& a) { a.key = kBadPointer; });
    add("bad value pointer", command, [](const Objects&, Request&, auto& a) { a.value = kBadPointer; });
    add("array index out of range", command, [](const Objects& o, Request& r, auto& a) {
      a.map_fd = u(o.array);
      r.store(0, uint32_t{4});
    });
    add("array", command, [](const Objects& o, Request&, auto& a) { a.map_fd = u(o.array); });
    add("ring", command, [](const Objects& o, Request&, auto& a) { a.map_fd = u(o.ring); });
    add("ring without key", command, [](const Objects& o, Request&, auto& a) {
      a.map_fd = u(o.ring);
      a.key = 0;
    });
    add("program array", command, [](const Objects& o, Request& r, auto& a) {
      a.map_fd = u(o.prog_array);
      r.store(64, int{9999});
    });
  }
  for (const uint32_t command :
       {abi::BPF_MAP_LOOKUP_ELEM, abi::BPF_MAP_UPDATE_ELEM, abi::BPF_MAP_LOOKUP_AND_DELETE_ELEM})
    for (const uint64_t flags : {1, 2, 3, 4, 8, 1 << 30})
      add(flags == 4 ? "lock without a lock" : "flags", command,
          [flags](const Objects&, Request&, auto& a) { a.flags = flags; });
  const uint32_t update = abi::BPF_MAP_UPDATE_ELEM;
  add("program array, a map's fd", update, [](const Objects& o, Request& r, auto& a) {
    a.map_fd = u(o.prog_array);
    r.store(64, o.hash);
  });
  add("program array, a program", update, [](const Objects& o, Request& r, auto& a) {
    a.map_fd = u(o.prog_array);
    r.store(64, o.filter);
  });
  add("program array, another type", update, [](const Objects& o, Request& r, auto& a) {
    a.map_fd = u(o.prog_array);
    r.store(64, o.classifier);
  });
  add("program array, not the default flag", update, [](const Objects& o, Request& r, auto& a) {
    a.map_fd = u(o.prog_array);
    a.flags = abi::BPF_NOEXIST;
    r.store(64, o.filter);
  });
  add("lookup in a program array", abi::BPF_MAP_LOOKUP_ELEM,
      [](const Objects& o, Request&, auto& a) { a.map_fd = u(o.prog_array); });
  const uint32_t freeze = abi::BPF_MAP_FREEZE;
  const auto bare = [](auto& a) { a.key = a.value = 0; };
  add("freeze with a key", freeze, [](const Objects&, Request&, auto&) {});
  add("freeze a frozen map", freeze, [=](const Objects& o, Request&, auto& a) {
    bare(a);
    a.map_fd = u(o.frozen);
  });
  add("freeze by a read-only fd", freeze, [=](const Objects& o, Request&, auto& a) {
    bare(a);
    a.map_fd = u(o.read_only);
  });
  add("freeze a program", freeze, [=](const Objects& o, Request&, auto& a) {
    bare(a);
    a.map_fd = u(o.filter);
  });
}

void add_batches(std::vector<Row>& rows) {
  using Change = std::function<void(const Objects&, Request&, abi::map_batch_attr&)>;
  for (const uint32_t command : {abi::BPF_MAP_LOOKUP_BATCH, abi::BPF_MAP_LOOKUP_AND_DELETE_BATCH,
                                 abi::BPF_MAP_UPDATE_BATCH, abi::BPF_MAP_DELETE_BATCH}) {
    const auto add = [&](const char* name, Change change) {
      rows.push_back({name, command, [change](const Objects& o, Request& r) {
                        auto& a = r.as<abi::map_batch_attr>();
                        a.map_fd = u(o.hash);
                        a.count = 2;
                        a.keys = r.at(0);
                        a.values = r.at(64);
                        a.out_batch = r.at(256);
                        r.size = sizeof(a);
                        change(o, r, a);
                      }});
    };
    add("batch", [](const Objects&, Request&, auto&) {});
    add("batch, no such fd", [](const Objects&, Request&, auto& a) { a.map_fd = 9999; });
    add("batch of a program", [](const Objects& o, Request&, auto& a) { a.map_fd = u(o.filter); });
    add("batch of none", [](const Objects&, Request&, auto& a) { a.count = 0; });
    add("batch, element flags", [](const Objects&, Request&, auto& a) { a.elem_flags = 1; });
    add("batch, lock", [](const Objects&, Request&, auto& a) { a.elem_flags = 4; });
    add("batch, flags", [](const Objects&, Request&, auto& a) { a.flags = 1; });
    add("batch, read-only", [](const Objects& o, Request&, auto& a) { a.map_fd = u(o.read_only); });
    add("batch, write-only", [](const Objects& o, Request&, auto& a) { a.map_fd = u(o.write_only); });
    add("batch, array", [](const Objects& o, Request&, auto& a) { a.map_fd = u(o.array); });
    add("batch, frozen", [](const Objects& o, Request&, auto& a) { a.map_fd = u(o.frozen); });
    add("batch, ring", [](const Objects& o, Request&, auto& a) { a.map_fd = u(o.ring); });
    add("batch, program array", [](const Objects& o, Request&, auto& a) { a.map_fd = u(o.prog_array); });
    add("batch, bad keys", [](const Objects&, Request&, auto& a) { a.keys = kBadPointer; });
  }
}

void add_prog_load(std::vector<Row>& rows) {
  using Change = std::function<void(const Objects&, Request&, abi::prog_load_attr&)>;
  const auto add = [&](const char* name, Change change) {
    rows.push_back({name, abi::BPF_PROG_LOAD, [change](const Objects& o, Request& r) {
                      auto& a = r.as<abi::prog_load_attr>();
                      a.prog_type = abi::BPF_PROG_TYPE_SOCKET_FILTER;
                      a.insn_cnt = 2;
                      r.store(0, isa::Insn{.code = 0xb7});
                      r.store(8, isa::Insn{.code = 0x95});
                      r.store(512, std::array<char, 4>{'G', 'P', 'L', 0});
                      a.insns = r.at(0);
                      a.license = r.at(512);
                      change(o, r, a);
                    }});
  };
  add("good", [](const Objects&, Request&, auto&) {});
  add("no instructions", [](const Objects&, Request&, auto& a) { a.insn_cnt = 0; });
  add("too many instructions", [](const Objects&, Request&, auto& a) { a.insn_cnt = 1'000'001; });
  add("bad instruction pointer", [](const Objects&, Request&, auto& a) { a.insns = kBadPointer; });
  add("bad license pointer", [](const Objects&, Request&, auto& a) { a.license = kBadPointer; });
  add("unknown flag", [](const Objects&, Request&, auto& a) { a.prog_flags = 1u << 30; });
  add("sleepable filter", [](const Objects&, Request&, auto& a) { a.prog_flags = abi::BPF_F_SLEEPABLE; });
  add("token flag, bad token", [](const Objects&, Request&, auto& a) {
    a.prog_flags = abi::BPF_F_TOKEN_FD;
    a.prog_token_fd = 9999;
  });
  add("type 0", [](const Objects&, Request&, auto& a) { a.prog_type = 0; });
  add("type 99", [](const Objects&, Request&, auto& a) { a.prog_type = 99; });
  add("type 99, bad pointer", [](const Objects&, Request&, auto& a) {
    a.prog_type = 99;
    a.insns = kBadPointer;
  });
  add("bad name", [](const Objects&, Request&, auto& a) { std::strcpy(a.prog_name, "a b"); });
  add("name without end", [](const Objects&, Request&, auto& a) { std::memset(a.prog_name, 'x', 16); });
  add("device index", [](const Objects&, Request&, auto& a) { a.prog_ifindex = 1; });
  add("attach type of a filter", [](const Objects&, Request&, auto& a) { a.expected_attach_type = 5; });
  add("attach type of sock_addr",
      [](const Objects&, Request&, auto& a) { a.prog_type = abi::BPF_PROG_TYPE_CGROUP_SOCK_ADDR; });
  add("wrong attach type of sock", [](const Objects&, Request&, auto& a) {
    a.prog_type = abi::BPF_PROG_TYPE_CGROUP_SOCK;
    a.expected_attach_type = abi::BPF_CGROUP_INET4_BIND;
  });
  add("attach program, bad fd", [](const Objects&, Request&, auto& a) { a.attach_prog_fd = 9999; });
  add("attach program, a program",
      [](const Objects& o, Request&, auto& a) { a.attach_prog_fd = u(o.filter); });
  add("attach program, BTF", [](const Objects& o, Request&, auto& a) { a.attach_prog_fd = u(o.btf); });
  add("attach BTF id", [](const Objects&, Request&, auto& a) { a.attach_btf_id = 1; });
  add("log size without buffer", [](const Objects&, Request&, auto& a) {
    a.log_size = 100;
    a.log_level = 1;
  });
  add("log buffer without size", [](const Objects&, Request& r, auto& a) {
    a.log_buf = r.at(1024);
    a.log_level = 1;
  });
  add("log buffer without level", [](const Objects&, Request& r, auto& a) {
    a.log_buf = r.at(1024);
    a.log_size = 1024;
  });
  add("unknown log level", [](const Objects&, Request& r, auto& a) {
    a.log_buf = r.at(1024);
    a.log_size = 1024;
    a.log_level = 16;
  });
  add("log level without buffer", [](const Objects&, Request&, auto& a) { a.log_level = 1; });
  add("log too large", [](const Objects&, Request& r, auto& a) {
    a.log_buf = r.at(1024);
    a.log_size = 1u << 31;
    a.log_level = 1;
  });
  add("log of one byte", [](const Objects&, Request& r, auto& a) {
    a.log_buf = r.at(1024);
    a.log_size = 1;
    a.log_level = 1;
  });
  add("log to a bad pointer", [](const Objects&, Request&, auto& a) {
    a.log_buf = kBadPointer;
    a.log_size = 1024;
    a.log_level = 1;
  });
  add("BTF fd unused", [](const Objects&, Request&, auto& a) { a.prog_btf_fd = 9999; });
  add("func info, bad BTF fd", [](const Objects&, Request&, auto& a) {
    a.func_info_cnt = 1;
    a.func_info_rec_size = 8;
    a.prog_btf_fd = 9999;
  });
  add("func info, a map's fd", [](const Objects& o, Request&, auto& a) {
    a.func_info_cnt = 1;
    a.func_info_rec_size = 8;
    a.prog_btf_fd = u(o.hash);
  });
  add("func info, small records", [](const Objects& o, Request& r, auto& a) {
    a.func_info_cnt = 1;
    a.func_info_rec_size = 4;
    a.func_info = r.at(2048);
    a.prog_btf_fd = u(o.btf);
  });
  add("func info, odd records", [](const Objects& o, Request& r, auto& a) {
    a.func_info_cnt = 1;
    a.func_info_rec_size = 9;
    a.func_info = r.at(2048);
    a.prog_btf_fd = u(o.btf);
  });
  add("func info, junk behind", [](const Objects& o, Request& r, auto& a) {
    a.func_info_cnt = 1;
    a.func_info_rec_size = 12;
    a.func_info = r.at(2048);
    r.store(2056, uint32_t{1});
    a.prog_btf_fd = u(o.btf);
  });
  add("func info, bad pointer", [](const Objects& o, Request&, auto& a) {
    a.func_info_cnt = 1;
    a.func_info_rec_size = 8;
    a.func_info = kBadPointer;
    a.prog_btf_fd = u(o.btf);
  });
  add("func info, no such type", [](const Objects& o, Request& r, auto& a) {
    a.func_info_cnt = 1;
    a.func_info_rec_size = 8;
    a.func_info = r.at(2048);
    a.prog_btf_fd = u(o.btf);
  });
  add("line info, small records", [](const Objects& o, Request& r, auto& a) {
    a.line_info_cnt = 1;
    a.line_info_rec_size = 8;
    a.line_info = r.at(2048);
    a.prog_btf_fd = u(o.btf);
  });
  add("fd array with a count, bad fd", [](const Objects&, Request& r, auto& a) {
    a.fd_array = r.at(2048);
    a.fd_array_cnt = 1;
    r.store(2048, int{9999});
  });
  add("fd array with a count, a program", [](const Objects& o, Request& r, auto& a) {
    a.fd_array = r.at(2048);
    a.fd_array_cnt = 1;
    r.store(2048, o.filter);
  });
  add("fd array with a count, a map", [](const Objects& o, Request& r, auto& a) {
    a.fd_array = r.at(2048);
    a.fd_array_cnt = 1;
    r.store(2048, o.hash);
  });
  add("fd array with a count, bad pointer", [](const Objects&, Request&, auto& a) {
    a.fd_array = kBadPointer;
    a.fd_array_cnt = 1;
  });
  add("fd array, count too large", [](const Objects&, Request& r, auto& a) {
    a.fd_array = r.at(2048);
    a.fd_array_cnt = 0x7fffffff;
  });
}

std::vector<Row> all_rows() {
  std::vector<Row> rows;
  add_common(rows);
  add_map_create(rows);
  add_elements(rows);
  add_batches(rows);
  add_prog_load(rows);

  const auto add = [&](const char* name, uint32_t command, Build build) {
    rows.push_back({name, command, build});
  };
  for (const uint32_t command : {abi::BPF_PROG_GET_NEXT_ID, abi::BPF_MAP_GET_NEXT_ID,
                                 abi::BPF_BTF_GET_NEXT_ID, abi::BPF_LINK_GET_NEXT_ID})
    for (const uint32_t start : {0u, 0x7ffffffeu, 0x7fffffffu, 0xffffffffu})
      add("start id", command,
          [start](const Objects&, Request& r) { r.as<abi::get_id_attr>().start_id = start; });
  for (const uint32_t command : {abi::BPF_PROG_GET_FD_BY_ID, abi::BPF_MAP_GET_FD_BY_ID,
                                 abi::BPF_BTF_GET_FD_BY_ID, abi::BPF_LINK_GET_FD_BY_ID})
    for (const uint32_t id : {0u, 0x7fffffffu})
      add("id that is not there", command,
          [id](const Objects&, Request& r) { r.as<abi::get_id_attr>().start_id = id; });
  for (const uint32_t flags : {1u, 8u, 16u, 24u, 1u << 31})
    add("map by id, flags", abi::BPF_MAP_GET_FD_BY_ID, [flags](const Objects&, Request& r) {
      r.as<abi::get_id_attr>() = {.start_id = 0x7fffffff, .open_flags = flags};
    });
  add("BTF by id, flags", abi::BPF_BTF_GET_FD_BY_ID, [](const Objects&, Request& r) {
    r.as<abi::get_id_attr>() = {.start_id = 0x7fffffff, .open_flags = 1};
  });

  // Info: of each kind of object, with each kind of wrong length and pointer.
  using Pick = int (*)(const Objects&);
  const std::pair<const char*, Pick> kinds[] = {{"map", [](const Objects& o) { return o.hash; }},
                                                {"program", [](const Objects& o) { return o.filter; }},
                                                {"link", [](const Objects& o) { return o.link; }},
                                                {"BTF", [](const Objects& o) { return o.btf; }},
                                                {"nothing", [](const Objects&) { return 9999; }},
                                                {"a file", [](const Objects&) { return 0; }}};
  for (const auto& [kind, pick] : kinds) {
    for (const uint32_t length : {0u, 4u, 40u, 512u, 4096u, 4097u})
      rows.push_back({fmt::format("info of {}, {} bytes", kind, length), abi::BPF_OBJ_GET_INFO_BY_FD,
                      [pick, length](const Objects& o, Request& r) {
                        r.as<abi::info_attr>() = {u(pick(o)), length, r.at()};
                      }});
    rows.push_back(
        {fmt::format("info of {}, bad pointer", kind), abi::BPF_OBJ_GET_INFO_BY_FD,
         [pick](const Objects& o, Request& r) { r.as<abi::info_attr>() = {u(pick(o)), 64, kBadPointer}; }});
    rows.push_back({fmt::format("info of {}, junk beyond", kind), abi::BPF_OBJ_GET_INFO_BY_FD,
                    [pick](const Objects& o, Request& r) {
                      r.as<abi::info_attr>() = {u(pick(o)), 512, r.at()};
                      r.store(511, uint8_t{1});
                    }});
    for (const size_t junk : {60u, 100u, 228u, 231u})
      rows.push_back({fmt::format("info of {}, junk at {}", kind, junk), abi::BPF_OBJ_GET_INFO_BY_FD,
                      [pick, junk](const Objects& o, Request& r) {
                        r.as<abi::info_attr>() = {u(pick(o)), 232, r.at()};
                        r.store(junk, uint8_t{1});
                      }});
    rows.push_back({fmt::format("info of {}, name without capacity", kind), abi::BPF_OBJ_GET_INFO_BY_FD,
                    [pick](const Objects& o, Request& r) {
                      r.as<abi::info_attr>() = {u(pick(o)), 64, r.at()};
                      r.store(16, r.at(4096));
                    }});
    rows.push_back({fmt::format("info of {}, one byte for the name", kind), abi::BPF_OBJ_GET_INFO_BY_FD,
                    [pick](const Objects& o, Request& r) {
                      r.as<abi::info_attr>() = {u(pick(o)), 64, r.at()};
                      r.store(16, r.at(4096));
                      r.store(24, uint32_t{1});
                    }});
  }
  for (const size_t offset : {136u, 132u, 172u, 176u})
    rows.push_back({fmt::format("program info, wrong record size at {}", offset), abi::BPF_OBJ_GET_INFO_BY_FD,
                    [offset](const Objects& o, Request& r) {
                      r.as<abi::info_attr>() = {u(o.filter), 232, r.at()};
                      r.store(offset, uint32_t{3});
                    }});
  add("map info, digest of a hash", abi::BPF_OBJ_GET_INFO_BY_FD, [](const Objects& o, Request& r) {
    r.as<abi::info_attr>() = {u(o.hash), 104, r.at()};
    r.store(88, r.at(4096));
    r.store(96, uint32_t{32});
  });
  add("map info, digest of an array", abi::BPF_OBJ_GET_INFO_BY_FD, [](const Objects& o, Request& r) {
    r.as<abi::info_attr>() = {u(o.array), 104, r.at()};
    r.store(88, r.at(4096));
    r.store(96, uint32_t{32});
  });
  add("map info, digest of a frozen array", abi::BPF_OBJ_GET_INFO_BY_FD, [](const Objects& o, Request& r) {
    r.as<abi::info_attr>() = {u(o.frozen), 104, r.at()};
    r.store(88, r.at(4096));
    r.store(96, uint32_t{32});
  });
  add("map info, digest of 20 bytes", abi::BPF_OBJ_GET_INFO_BY_FD, [](const Objects& o, Request& r) {
    r.as<abi::info_attr>() = {u(o.array), 104, r.at()};
    r.store(88, r.at(4096));
    r.store(96, uint32_t{20});
  });
  add("map info, digest size alone", abi::BPF_OBJ_GET_INFO_BY_FD, [](const Objects& o, Request& r) {
    r.as<abi::info_attr>() = {u(o.array), 104, r.at()};
    r.store(96, uint32_t{32});
  });

  for (const uint32_t command : {abi::BPF_OBJ_PIN, abi::BPF_OBJ_GET}) {
    using Change = std::function<void(const Objects&, Request&, abi::obj_attr&)>;
    const auto obj = [&](const char* name, Change change) {
      add(name, command, [change](const Objects& o, Request& r) {
        auto& a = r.as<abi::obj_attr>();
        a.pathname = r.at(0);
        r.store(0, std::array<char, 20>{"/nowhere/at/all"});
        change(o, r, a);
      });
    };
    obj("bad path pointer", [&](const Objects& o, Request&, auto& a) {
      a.pathname = kBadPointer;
      a.bpf_fd = 0;
      (void)o;
    });
    obj("unknown flags", [](const Objects&, Request&, auto& a) { a.file_flags = 1; });
    obj("directory fd without its flag", [](const Objects&, Request&, auto& a) { a.path_fd = 3; });
    obj("read-only and write-only", [](const Objects&, Request&, auto& a) { a.file_flags = 24; });
    obj("fd that is not there", [](const Objects&, Request&, auto& a) { a.bpf_fd = 9999; });
    obj("fd of BTF", [](const Objects& o, Request&, auto& a) { a.bpf_fd = u(o.btf); });
    obj("fd of a file", [](const Objects&, Request&, auto& a) { a.bpf_fd = 0; });
  }

  for (const uint32_t command : {abi::BPF_PROG_ATTACH, abi::BPF_PROG_DETACH}) {
    for (const uint32_t type : {0u, 12u, 58u, 0xffffffffu})
      add("attach type", command, [type](const Objects&, Request& r) {
        r.as<abi::prog_attach_attr>() = {.target_fd = 9999, .attach_bpf_fd = 9999, .attach_type = type};
      });
    for (const uint32_t flags : {1u, 3u, 4u, 6u, 8u, 32u, 64u, 128u, 1u << 13, 1u << 31})
      add("attach flags", command, [flags](const Objects& o, Request& r) {
        r.as<abi::prog_attach_attr>() = {.target_fd = 9999,
                                         .attach_bpf_fd = u(o.post_bind),
                                         .attach_type = abi::BPF_CGROUP_INET4_POST_BIND,
                                         .attach_flags = flags};
      });
    add("not a cgroup", command, [](const Objects& o, Request& r) {
      r.as<abi::prog_attach_attr>() = {
          .target_fd = 0, .attach_bpf_fd = u(o.post_bind), .attach_type = abi::BPF_CGROUP_INET4_POST_BIND};
    });
    add("another attach type of the same program type", command, [](const Objects& o, Request& r) {
      r.as<abi::prog_attach_attr>() = {
          .target_fd = 9999, .attach_bpf_fd = u(o.post_bind), .attach_type = abi::BPF_CGROUP_INET6_POST_BIND};
    });
    add("program of another type", command, [](const Objects& o, Request& r) {
      r.as<abi::prog_attach_attr>() = {
          .target_fd = 9999, .attach_bpf_fd = u(o.filter), .attach_type = abi::BPF_CGROUP_INET4_POST_BIND};
    });
  }
  for (const uint32_t type : {0u, 12u, 16u, 58u})
    add("query", abi::BPF_PROG_QUERY, [type](const Objects&, Request& r) {
      r.as<abi::prog_query_attr>() = {.target_fd = 9999, .attach_type = type};
    });
  add("query flags", abi::BPF_PROG_QUERY, [](const Objects&, Request& r) {
    r.as<abi::prog_query_attr>() = {.target_fd = 9999, .attach_type = 12, .query_flags = 2};
  });

  using ChangeRun = std::function<void(const Objects&, Request&, abi::test_run_attr&)>;
  const auto run = [&](const char* name, ChangeRun change) {
    add(name, abi::BPF_PROG_TEST_RUN, [change](const Objects& o, Request& r) {
      auto& a = r.as<abi::test_run_attr>();
      a.prog_fd = u(o.filter);
      a.data_in = r.at(0);
      a.data_size_in = 64;
      change(o, r, a);
    });
  };
  run("run", [](const Objects&, Request&, auto&) {});
  run("run, no such fd", [](const Objects&, Request&, auto& a) { a.prog_fd = 9999; });
  run("run a map", [](const Objects& o, Request&, auto& a) { a.prog_fd = u(o.hash); });
  run("run without data", [](const Objects&, Request&, auto& a) { a.data_size_in = 0; });
  run("run on 13 bytes", [](const Objects&, Request&, auto& a) { a.data_size_in = 13; });
  run("run on bad data", [](const Objects&, Request&, auto& a) { a.data_in = kBadPointer; });
  run("run on too much", [](const Objects&, Request&, auto& a) { a.data_size_in = 1 << 22; });
  run("run, context size alone", [](const Objects&, Request&, auto& a) { a.ctx_size_in = 8; });
  run("run, context pointer alone", [](const Objects&, Request& r, auto& a) { a.ctx_in = r.at(256); });
  run("run, context out alone", [](const Objects&, Request& r, auto& a) { a.ctx_out = r.at(256); });
  run("run, unknown flags", [](const Objects&, Request&, auto& a) { a.flags = 1u << 20; });
  run("run, cpu", [](const Objects&, Request&, auto& a) { a.cpu = 1; });
  run("run, batch", [](const Objects&, Request&, auto& a) { a.batch_size = 1; });
  run("run, one byte out", [](const Objects&, Request& r, auto& a) {
    a.data_out = r.at(256);
    a.data_size_out = 1;
  });
  run("run, bad out", [](const Objects&, Request&, auto& a) {
    a.data_out = kBadPointer;
    a.data_size_out = 64;
  });
  run("run a raw tracepoint with data",
      [](const Objects& o, Request&, auto& a) { a.prog_fd = u(o.raw_tracepoint); });

  add("open, no such program", abi::BPF_RAW_TRACEPOINT_OPEN, [](const Objects&, Request& r) {
    r.as<abi::raw_tracepoint_open_attr>() = {.name = r.at(), .prog_fd = 9999};
  });
  add("open, another type", abi::BPF_RAW_TRACEPOINT_OPEN, [](const Objects& o, Request& r) {
    r.as<abi::raw_tracepoint_open_attr>() = {.name = r.at(), .prog_fd = u(o.filter)};
  });
  add("open, no such tracepoint", abi::BPF_RAW_TRACEPOINT_OPEN, [](const Objects& o, Request& r) {
    r.store(0, std::array<char, 8>{"nothing"});
    r.as<abi::raw_tracepoint_open_attr>() = {.name = r.at(), .prog_fd = u(o.raw_tracepoint)};
  });
  add("open, no name", abi::BPF_RAW_TRACEPOINT_OPEN, [](const Objects& o, Request& r) {
    r.as<abi::raw_tracepoint_open_attr>() = {.name = 0, .prog_fd = u(o.raw_tracepoint)};
  });

  add("BTF of nothing", abi::BPF_BTF_LOAD,
      [](const Objects&, Request& r) { r.as<abi::btf_load_attr>().btf = r.at(); });
  add("BTF too large", abi::BPF_BTF_LOAD, [](const Objects&, Request& r) {
    r.as<abi::btf_load_attr>() = {.btf = r.at(), .btf_size = (16u << 20) + 1};
  });
  add("BTF at a bad pointer", abi::BPF_BTF_LOAD,
      [](const Objects&, Request& r) { r.as<abi::btf_load_attr>() = {.btf = kBadPointer, .btf_size = 100}; });
  add("BTF of zeros", abi::BPF_BTF_LOAD,
      [](const Objects&, Request& r) { r.as<abi::btf_load_attr>() = {.btf = r.at(), .btf_size = 100}; });
  add("BTF flags", abi::BPF_BTF_LOAD,
      [](const Objects&, Request& r) { r.as<abi::btf_load_attr>().btf_flags = 1; });
  add("BTF log without level", abi::BPF_BTF_LOAD, [](const Objects&, Request& r) {
    r.as<abi::btf_load_attr>() = {
        .btf = r.at(), .btf_log_buf = r.at(4096), .btf_size = 100, .btf_log_size = 100};
  });

  for (const uint32_t flags : {1u, 2u, 64u, 1u << 31})
    add("link flags", abi::BPF_LINK_CREATE, [flags](const Objects& o, Request& r) {
      auto& a = r.as<abi::link_create_attr>();
      a.prog_fd = u(o.post_bind);
      a.target_fd = 9999;
      a.attach_type = abi::BPF_CGROUP_INET4_POST_BIND;
      a.flags = flags;
    });
  for (const uint32_t type : {0u, 13u, 41u, 44u, 58u})
    add("link, wrong attach type", abi::BPF_LINK_CREATE, [type](const Objects& o, Request& r) {
      auto& a = r.as<abi::link_create_attr>();
      a.prog_fd = u(o.post_bind);
      a.target_fd = 9999;
      a.attach_type = type;
    });
  add("link of a raw tracepoint program", abi::BPF_LINK_CREATE, [](const Objects& o, Request& r) {
    auto& a = r.as<abi::link_create_attr>();
    a.prog_fd = u(o.raw_tracepoint);
    a.attach_type = abi::BPF_PERF_EVENT;
  });
  add("detach a raw tracepoint link", abi::BPF_LINK_DETACH,
      [](const Objects& o, Request& r) { r.as<uint32_t>() = u(o.link); });
  add("detach a map", abi::BPF_LINK_DETACH,
      [](const Objects& o, Request& r) { r.as<uint32_t>() = u(o.hash); });
  using ChangeUpdate = std::function<void(const Objects&, abi::link_update_attr&)>;
  const auto update = [&](const char* name, ChangeUpdate change) {
    add(name, abi::BPF_LINK_UPDATE, [change](const Objects& o, Request& r) {
      r.as<abi::link_update_attr>() = {.link_fd = u(o.link), .new_prog_fd = u(o.raw_tracepoint)};
      change(o, r.as<abi::link_update_attr>());
    });
  };
  update("update a raw tracepoint link", [](const Objects&, auto&) {});
  update("update flags", [](const Objects&, auto& a) { a.flags = 1; });
  update("update, old program without its flag",
         [](const Objects& o, auto& a) { a.old_prog_fd = u(o.filter); });
  update("update, no such program", [](const Objects&, auto& a) { a.new_prog_fd = 9999; });
  update("update, no such old program", [](const Objects&, auto& a) {
    a.flags = 4;
    a.old_prog_fd = 9999;
  });
  update("update a map", [](const Objects& o, auto& a) { a.link_fd = u(o.hash); });

  for (const uint32_t type : {1u, 99u})
    add("statistics", abi::BPF_ENABLE_STATS, [type](const Objects&, Request& r) { r.as<uint32_t>() = type; });
  add("statistics", abi::BPF_ENABLE_STATS, [](const Objects&, Request&) {});
  add("bind", abi::BPF_PROG_BIND_MAP,
      [](const Objects& o, Request& r) { r.as<abi::prog_bind_map_attr>() = {u(o.filter), u(o.hash), 0}; });
  add("bind flags", abi::BPF_PROG_BIND_MAP,
      [](const Objects& o, Request& r) { r.as<abi::prog_bind_map_attr>() = {u(o.filter), u(o.hash), 1}; });
  add("bind a program", abi::BPF_PROG_BIND_MAP,
      [](const Objects& o, Request& r) { r.as<abi::prog_bind_map_attr>() = {u(o.filter), u(o.filter), 0}; });
  add("bind to a map", abi::BPF_PROG_BIND_MAP,
      [](const Objects& o, Request& r) { r.as<abi::prog_bind_map_attr>() = {u(o.hash), u(o.hash), 0}; });
  const auto self = static_cast<uint32_t>(getpid());
  add("task fd, flags", abi::BPF_TASK_FD_QUERY, [=](const Objects& o, Request& r) {
    r.as<abi::task_fd_query_attr>() = {.pid = self, .fd = u(o.link), .flags = 1};
  });
  add("task fd, no task", abi::BPF_TASK_FD_QUERY, [](const Objects& o, Request& r) {
    r.as<abi::task_fd_query_attr>() = {.pid = 0x3fffffff, .fd = u(o.link)};
  });
  add("task fd, no fd", abi::BPF_TASK_FD_QUERY,
      [=](const Objects&, Request& r) { r.as<abi::task_fd_query_attr>() = {.pid = self, .fd = 9999}; });
  add("task fd, a map", abi::BPF_TASK_FD_QUERY, [=](const Objects& o, Request& r) {
    r.as<abi::task_fd_query_attr>() = {.pid = self, .fd = u(o.hash)};
  });
  add("task fd, a raw tracepoint link", abi::BPF_TASK_FD_QUERY, [=](const Objects& o, Request& r) {
    r.as<abi::task_fd_query_attr>() = {.pid = self, .fd = u(o.link)};
  });
  add("task fd, short buffer", abi::BPF_TASK_FD_QUERY, [=](const Objects& o, Request& r) {
    r.as<abi::task_fd_query_attr>() = {.pid = self, .fd = u(o.link), .buf_len = 5, .buf = r.at()};
  });
  return rows;
}

long outcome(System& system, const Row& row) {
  const Objects objects(system);
  auto request = std::make_unique<Request>();
  row.build(objects, *request);
  const long result = row.build && request->no_attr
                          ? system.bpf(row.command, reinterpret_cast<void*>(kBadPointer), request->size)
                          : system.bpf(row.command, request->attr, request->size);
  if (result > 2) close(static_cast<int>(result));
  return result < 0 ? result : 0;
}

TEST(MalformedAttributes, ErrnoEqualsTheLiveKernels) {
  SKEP_REQUIRE_LIVE_KERNEL();
  LiveSystem live;
  OurSystem ours;
  const std::vector<Row> rows = all_rows();
  {
    const Objects made(ours), also(live);
    EXPECT_TRUE(std::ranges::all_of(made.all(), [](int fd) { return fd >= 0; }));
    EXPECT_TRUE(std::ranges::all_of(also.all(), [](int fd) { return fd >= 0; }));
  }
  for (const Row& row : rows)
    EXPECT_EQ(outcome(live, row), outcome(ours, row)) << "command " << row.command << ": " << row.name;
  EXPECT_GT(rows.size(), 400u);
  RecordProperty("rows", static_cast<int>(rows.size()));
}

}  // namespace
}  // namespace skep::testing
