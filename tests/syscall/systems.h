// The two systems that a differential test asks the same question: the live kernel and our own, behind one
// interface; and the objects that questions refer to, made on each by the same calls.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "abi/bpf_attr.h"
#include "attach/attachments.h"
#include "environment.h"
#include "isa/insn.h"
#include "objects/kernel.h"
#include "support/live_kernel.h"
#include "syscall/bpf.h"
#include "syscall/local_caller.h"

namespace skep::testing {

class System {
 public:
  virtual ~System() = default;
  virtual const char* name() const = 0;
  // A non-negative result or -errno.
  virtual long bpf(uint32_t command, void* attr, uint32_t size) = 0;
  // An fd for a fresh cgroup below `parent` (-1: a root of its own), as PROG_ATTACH takes it.
  virtual int make_cgroup(int parent) = 0;
  // Returns once at most `count` links are left: ours end when a thread has noticed that their fd was closed.
  virtual void wait_for_links(size_t) {}

  template <class Attr>
  long call(uint32_t command, Attr attr, uint32_t size = sizeof(Attr)) {
    return bpf(command, &attr, size);
  }
  int map(uint32_t type, uint32_t key, uint32_t value, uint32_t entries, uint32_t flags = 0);
  int program(uint32_t type, uint32_t attach_type, std::span<const isa::Insn> insns);
  int program(uint32_t type, uint32_t attach_type, int retval);  // r0 = retval; exit
};

class LiveSystem final : public System {
 public:
  LiveSystem();
  ~LiveSystem() override;
  const char* name() const override { return "live"; }
  long bpf(uint32_t command, void* attr, uint32_t size) override { return live::bpf(command, attr, size); }
  int make_cgroup(int parent) override;
  bool has_cgroups() const { return !mount_.empty(); }

 private:
  std::string mount_;
  std::vector<std::pair<int, std::string>> cgroups_;
};

class OurSystem final : public System {
 public:
  OurSystem();
  const char* name() const override { return "ours"; }
  long bpf(uint32_t command, void* attr, uint32_t size) override;
  int make_cgroup(int parent) override;
  void wait_for_links(size_t count) override;

  PlainEnvironment environment;
  objects::Kernel kernel;
  attach::Attachments attachments;
  std::unique_ptr<syscall::LocalCaller> caller;

 private:
  int next_cgroup_ = 0;
  std::vector<std::pair<int, std::string>> cgroups_;
};

}  // namespace skep::testing
