// trace_printk's format rules, strtol, strtoul, strncmp and csum_diff against the live kernel: the same
// arguments through a program there and through our implementation.
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <memory>
#include <string>

#include "abi/helper_ids.h"
#include "helpers/environment.h"
#include "helpers/format.h"
#include "helpers/impl.h"
#include "maps/map.h"
#include "progtypes/programs.h"

namespace skep::testing {
namespace {

using helpers::RunContext;

constexpr int kStackBytes = 64;

isa::Insn copy(int dst, int src) { return insn(abi::BPF_ALU64 | abi::BPF_MOV | abi::BPF_X, dst, src, 0, 0); }
isa::Insn add(int dst, int32_t imm) {
  return insn(abi::BPF_ALU64 | abi::BPF_ADD | abi::BPF_K, dst, 0, 0, imm);
}

void set64(std::vector<isa::Insn>& program, int dst, uint64_t value) {
  program.push_back(insn(abi::BPF_LD | abi::BPF_DW | abi::BPF_IMM, dst, 0, 0, static_cast<int32_t>(value)));
  program.push_back(insn(0, 0, 0, 0, static_cast<int32_t>(value >> 32)));
}

// Puts `bytes` (at most 64) at r10 - 64.
void put_on_stack(std::vector<isa::Insn>& program, std::string bytes) {
  bytes.resize(kStackBytes);
  for (int at = 0; at < kStackBytes; at += 4) {
    int32_t word;
    memcpy(&word, bytes.data() + at, sizeof(word));
    program.push_back(store_imm(4, 10, at - kStackBytes, word));
  }
}

// r0 of a raw tracepoint program on the live kernel.
int64_t run_there(std::vector<isa::Insn> program) {
  // The result is 64 bits wide, retval 32: enough for what these helpers return.
  program.push_back(exit_insn());
  live::LoadOptions options;
  options.type = abi::BPF_PROG_TYPE_RAW_TRACEPOINT;
  options.log_level = 1;
  const live::Loaded loaded = live::load(program, options);
  EXPECT_TRUE(loaded) << loaded.log;
  if (!loaded) return INT64_MIN;
  return static_cast<int32_t>(live::test_run(loaded.fd.get()).value().retval);
}

int64_t kernel_trace_printk(const std::string& format, size_t size) {
  std::vector<isa::Insn> program;
  put_on_stack(program, format);
  program.insert(program.end(), {copy(1, 10), add(1, -kStackBytes), move(2, static_cast<int32_t>(size))});
  for (int argument = 3; argument <= 5; ++argument) program.push_back(move(argument, -argument));
  program.push_back(call(abi::BPF_FUNC_trace_printk));
  return run_there(program);
}

int64_t our_trace_printk(const std::string& format, size_t size) {
  FixedEnvironment environment;
  RunContext run;
  run.env = &environment;
  std::array<char, kStackBytes> memory{};
  memcpy(memory.data(), format.data(), format.size());
  return static_cast<int32_t>(helpers::trace_printk(reinterpret_cast<uint64_t>(memory.data()), size,
                                                    static_cast<uint64_t>(-3), static_cast<uint64_t>(-4),
                                                    static_cast<uint64_t>(-5), run));
}

TEST(Format, IsCheckedAndMeasuredAsOnLinux) {
  SKEP_REQUIRE_LIVE_KERNEL();
  const char* formats[] = {"",
                           "plain",
                           "%",
                           "%%",
                           "%d",
                           "%i %u %x",
                           "%d %d %d %d",
                           "%ld",
                           "%lld",
                           "%llld",
                           "%li %lu %lx",
                           "%llX",
                           "%c",
                           "%cc",
                           "%hd",
                           "%o",
                           "%f",
                           "%e",
                           "%n",
                           "%z",
                           "%#x",
                           "%5d|",
                           "%-5d|",
                           "%05d|",
                           "%+d",
                           "% d",
                           "%08lx",
                           "%*d",
                           "%.3d",
                           "%5.3d",
                           "%s",
                           "%sx",
                           "%s:",
                           "%ks",
                           "%p",
                           "%px",
                           "%pK",
                           "%ps",
                           "%pS",
                           "%pB",
                           "%pX",
                           "%pI4",
                           "%pi4",
                           "%pI6",
                           "%pi6",
                           "%pI5",
                           "%pI",
                           "%pks",
                           "%pus",
                           "%pksx",
                           "%pk",
                           "%p%",
                           "%pd",
                           "%p ",
                           "%p,",
                           "%d%%",
                           "%%%d",
                           "a\tb\nc",
                           "a\x01z",
                           "\x7f",
                           "\xc3\xa9",
                           "%10s|",
                           "%-10s|",
                           "%010d",
                           "%0-5d|",
                           "%-05d|",
                           "%00005d",
                           "%123d",
                           "%l",
                           "%ll",
                           "%lp",
                           "%ls",
                           "%lc",
                           "%5c|",
                           "%-5c|",
                           "%5%",
                           "% ",
                           "%5",
                           "%p4",
                           "%pI4x",
                           "%pI4 ",
                           "%20pI4|",
                           "%-20px|",
                           "%30px|",
                           "%d\x80",
                           "%i",
                           "%X",
                           "%pKabc 1",
                           "%pxyz",
                           "%pI4abc:%d",
                           "%pS12,",
                           "\xff%d\xc3\xa9",
                           "%llu %llu %llu",
                           "%s %s %s",
                           "%u%u%u%u"};
  for (const char* text : formats) {
    const std::string format = text;
    EXPECT_EQ(our_trace_printk(format, format.size() + 1), kernel_trace_printk(format, format.size() + 1))
        << '"' << format << '"';
  }
  EXPECT_EQ(our_trace_printk("abc", 3), kernel_trace_printk("abc", 3)) << "no zero within the size";
}

struct Number {
  const char* text;
  uint64_t flags;
};
const Number kNumbers[] = {{"0", 0},
                           {"12", 0},
                           {"-12", 0},
                           {"+12", 0},
                           {"  12", 0},
                           {" -12x", 0},
                           {"0x1f", 0},
                           {"0X1F", 0},
                           {"0x", 0},
                           {"0xg", 0},
                           {"010", 0},
                           {"08", 0},
                           {"0x1f", 16},
                           {"1f", 16},
                           {"0x", 16},
                           {"12", 8},
                           {"18", 8},
                           {"8", 8},
                           {"12", 10},
                           {"0x12", 10},
                           {"12", 2},
                           {"12", 32},
                           {"", 0},
                           {" ", 0},
                           {"-", 0},
                           {"--1", 0},
                           {"x", 0},
                           {"9223372036854775807", 0},
                           {"9223372036854775808", 0},
                           {"-9223372036854775808", 0},
                           {"-9223372036854775809", 0},
                           {"18446744073709551615", 0},
                           {"18446744073709551616", 0},
                           {"99999999999999999999", 0},
                           {"12 34", 0},
                           {"\t\n7", 0},
                           {"- 1", 0},
                           {"-0x10", 16},
                           {"1", 64},
                           {"ff", 0},
                           {"-0", 0}};

int64_t kernel_number(uint32_t helper, const Number& number, bool value) {
  std::vector<isa::Insn> program;
  put_on_stack(program, number.text);
  program.insert(program.end(),
                 {copy(1, 10), add(1, -kStackBytes), move(2, static_cast<int32_t>(strlen(number.text) + 1)),
                  move(3, static_cast<int32_t>(number.flags)), copy(4, 10), add(4, -kStackBytes - 8),
                  store_imm(8, 10, -kStackBytes - 8, 5), call(static_cast<int32_t>(helper))});
  if (value) program.push_back(load(8, 0, 10, -kStackBytes - 8));
  return run_there(program);
}

int64_t our_number(helpers::HelperFn helper, const Number& number, bool value) {
  RunContext run;
  uint64_t result = 5;
  const uint64_t code = helper(reinterpret_cast<uint64_t>(number.text), strlen(number.text) + 1, number.flags,
                               reinterpret_cast<uint64_t>(&result), 0, run);
  return static_cast<int32_t>(value ? result : code);
}

TEST(Numbers, AreParsedAsOnLinux) {
  SKEP_REQUIRE_LIVE_KERNEL();
  for (const Number& number : kNumbers)
    for (bool value : {false, true}) {
      EXPECT_EQ(our_number(helpers::strtol_helper, number, value),
                kernel_number(abi::BPF_FUNC_strtol, number, value))
          << "strtol \"" << number.text << "\" flags " << number.flags << (value ? " value" : " result");
      EXPECT_EQ(our_number(helpers::strtoul_helper, number, value),
                kernel_number(abi::BPF_FUNC_strtoul, number, value))
          << "strtoul \"" << number.text << "\" flags " << number.flags << (value ? " value" : " result");
    }
}

int64_t kernel_csum_diff(const std::string& bytes, uint32_t from_size, uint32_t to_size, uint32_t seed) {
  std::vector<isa::Insn> program;
  put_on_stack(program, bytes);
  program.insert(program.end(),
                 {copy(1, 10), add(1, -kStackBytes), move(2, static_cast<int32_t>(from_size)), copy(3, 10),
                  add(3, -kStackBytes / 2), move(4, static_cast<int32_t>(to_size))});
  set64(program, 5, seed);
  program.push_back(call(abi::BPF_FUNC_csum_diff));
  program.push_back(exit_insn());
  live::LoadOptions options;
  options.type = abi::BPF_PROG_TYPE_SCHED_CLS;
  const live::Loaded loaded = live::load(program, options);
  EXPECT_TRUE(loaded);
  const std::array<std::byte, 64> data{};
  live::RunOptions run;
  run.data = data;
  return static_cast<int32_t>(live::test_run(loaded.fd.get(), run).value().retval);
}

TEST(Checksums, DifferAsOnLinux) {
  SKEP_REQUIRE_LIVE_KERNEL();
  std::string bytes(kStackBytes, '\0');
  for (int index = 0; index < kStackBytes; ++index) bytes[index] = static_cast<char>(index * 37 + 200);
  for (uint32_t from : {0u, 3u, 4u, 8u, 20u, 32u})
    for (uint32_t to : {0u, 2u, 4u, 12u, 32u})
      for (uint32_t seed : {0u, 1u, 0xffffu, 0x12345678u, 0xffffffffu}) {
        RunContext run;
        const auto ours = static_cast<int32_t>(
            helpers::csum_diff(reinterpret_cast<uint64_t>(bytes.data()), from,
                               reinterpret_cast<uint64_t>(bytes.data() + kStackBytes / 2), to, seed, run));
        EXPECT_EQ(ours, kernel_csum_diff(bytes, from, to, seed)) << from << ' ' << to << ' ' << seed;
      }
}

TEST(Format, PrintsWhatItSays) {
  // Expectations: printf(3), and Documentation/core-api/printk-formats.rst for %pI4 and %px.
  FixedEnvironment environment;
  RunContext run;
  run.env = &environment;
  const auto print = [&](const char* format, std::vector<uint64_t> arguments) {
    std::string out;
    EXPECT_EQ(helpers::format_text(run, {format, strlen(format) + 1}, arguments, out), 0) << format;
    return out;
  };
  EXPECT_EQ(print("%d %u %x", {static_cast<uint64_t>(-1), static_cast<uint64_t>(-1), 255}),
            "-1 4294967295 ff");
  EXPECT_EQ(print("%ld|%5d|%-5d|%05d|%+d", {static_cast<uint64_t>(-1), 42, 42, 42, 42}),
            "-1|   42|42   |00042|+42");
  environment.user_ = std::string("hello\0rest", 10);
  EXPECT_EQ(print("[%s] [%c]", {environment.user_base_, 'x'}), "[hello] [x]");
  EXPECT_EQ(print("%px", {0x1234}), "0000000000001234");
  EXPECT_EQ(print("100%%", {}), "100%");
}

TEST(Memory, ShowsMapsAndNothingElse) {
  FixedEnvironment environment;
  RunContext run;
  run.env = &environment;
  const auto read = [&](helpers::HelperFn helper, const void* from) {
    std::array<char, 8> out = {'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x'};
    const uint64_t code = helper(reinterpret_cast<uint64_t>(out.data()), out.size(),
                                 reinterpret_cast<uint64_t>(from), 0, 0, run);
    return std::pair(static_cast<int64_t>(code), std::string(out.data(), out.size()));
  };
  const std::string zeroes(8, '\0');
  const auto heap = std::make_unique<std::array<char, 64>>();
  EXPECT_EQ(read(helpers::probe_read_kernel, heap.get()), std::pair(int64_t{-EFAULT}, zeroes));
  EXPECT_EQ(read(helpers::probe_read_kernel, nullptr), std::pair(int64_t{-EFAULT}, zeroes));
  const maps::MapSpec spec = {
      .type = abi::BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 16, .max_entries = 1};
  const uint32_t key = 0;
  const char* value;
  {
    Ref<maps::Map> map = maps::create(spec).value();
    value = static_cast<const char*>(map->lookup(&key, 0));
    memcpy(const_cast<char*>(value), "map text", 9);
    EXPECT_EQ(read(helpers::probe_read_kernel, value), std::pair(int64_t{0}, std::string("map text")));
    EXPECT_EQ(read(helpers::probe_read_kernel_str, value).second, std::string("map tex\0", 8));
    EXPECT_EQ(read(helpers::probe_read_user, value).first, -EFAULT);
  }
  EXPECT_EQ(read(helpers::probe_read_kernel, value).first, -EFAULT);
}

}  // namespace
}  // namespace skep::testing
