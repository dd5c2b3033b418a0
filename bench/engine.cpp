// ns per run of the same C programs on the interpreter, the JIT, the live kernel's JIT and natively; and what
// compilation costs per instruction. Prints the ratios to native code and to the kernel at the end.
//
//   bench_engine [--benchmark_filter=REGEX] [other options of Google Benchmark]
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <array>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "abi/bpf.h"
#include "base/check.h"
#include "base/rcu.h"
#include "exec/executable.h"
#include "isa/insn.h"
#include "maps/map.h"
#include "support/live_kernel.h"

namespace skep {
namespace {

struct Input {
  uint64_t data;
  uint64_t data_end;
};
using NativeFn = uint64_t (*)(Input*);

}  // namespace

extern "C" {
uint64_t native_empty(Input*);
uint64_t native_parse(Input*);
uint64_t native_checksum(Input*);
uint64_t native_jhash(Input*);
uint64_t native_counters(Input*);
void* native_map = nullptr;
void* native_lookup(void* map, const void* key) { return static_cast<maps::Map*>(map)->lookup(key, 0); }
}

namespace {

struct Program {
  const char* name;
  NativeFn native;
};
constexpr Program kPrograms[] = {{"empty", native_empty},
                                 {"parse", native_parse},
                                 {"checksum", native_checksum},
                                 {"jhash", native_jhash},
                                 {"counters", native_counters}};

// A TCP packet of 1514 bytes with a payload that is not all alike.
std::vector<std::byte> make_packet() {
  std::vector<std::byte> packet(1514);
  for (size_t i = 0; i < packet.size(); ++i) packet[i] = static_cast<std::byte>(i * 7 + 3);
  const uint8_t headers[] = {2, 0, 0, 0,  0, 1, 2, 0,  0, 0, 0, 2,  8, 0, 0x45, 0,    5,    0xdc, 0,
                             0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,    0x1f, 0x90, 0,    80};
  std::memcpy(packet.data(), headers, sizeof(headers));
  return packet;
}

const std::vector<std::byte>& packet() {
  static const std::vector<std::byte> made = make_packet();
  return made;
}

Input& input() {
  static Input made = {reinterpret_cast<uint64_t>(packet().data()),
                       reinterpret_cast<uint64_t>(packet().data() + packet().size())};
  return made;
}

std::vector<isa::Insn> read_program(const char* name, const char* variant) {
  std::ifstream file(fmt::format("{}/{}.{}.bin", BENCH_PROGRAMS, name, variant), std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), {});
  SKEP_CHECK(!bytes.empty());
  std::vector<isa::Insn> insns(bytes.size() / sizeof(isa::Insn));
  std::memcpy(insns.data(), bytes.data(), insns.size() * sizeof(isa::Insn));
  return insns;
}

bool is_map_load(const isa::Insn& insn) {
  return insn.code == isa::row(isa::Op::kLoadImm64Const).code && insn.imm == 0;
}

maps::Map& counters() {
  static const Ref<maps::Map> map = [] {
    maps::MapSpec spec{.type = abi::BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 4};
    auto made = maps::create(spec);
    SKEP_CHECK(made.has_value());
    return *std::move(made);
  }();
  return *map;
}

uint64_t map_lookup(uint64_t map, uint64_t key, uint64_t, uint64_t, uint64_t, helpers::RunContext& run) {
  return reinterpret_cast<uint64_t>(
      maps::Map::from_handle(map)->lookup(reinterpret_cast<const void*>(key), run.cpu));
}

// As the verifier would hand it over: maps and helpers in place, and the stack that is really used.
exec::Executable make_executable(const char* name) {
  std::vector<isa::Insn> insns = read_program(name, "skep");
  auto executable = exec::make_plain_executable(insns);
  SKEP_CHECK(executable.has_value());
  uint32_t deepest = 0;
  for (size_t i = 0; i < insns.size(); ++i) {
    const isa::InsnDesc& row = *isa::describe(insns[i]);
    const bool stack_store = row.format == isa::Format::kStore && insns[i].dst == 10;
    if (stack_store) deepest = std::max(deepest, static_cast<uint32_t>(-insns[i].off + 7) / 8 * 8);
    if (row.operation == isa::Operation::kCallHelper) executable->facts[i].helper = &map_lookup;
    if (is_map_load(insns[i])) {
      const uint64_t handle = counters().handle();
      executable->facts[i].is_map_handle = true;
      executable->insns[i].imm = static_cast<int32_t>(handle);
      executable->insns[i + 1].imm = static_cast<int32_t>(handle >> 32);
    }
    i += isa::slots(row) - 1;
  }
  executable->subprogs[0].stack_bytes = deepest;
  return *std::move(executable);
}

void run_engine(benchmark::State& state, const Program& program, exec::Engine engine) {
  auto image = exec::make_image(make_executable(program.name), engine);
  if (!image) return state.SkipWithError(image.error().message.c_str());
  helpers::RunContext run;
  const RcuReadSection section;
  if ((*image)->run(&input(), run) != program.native(&input())) return state.SkipWithError("wrong result");
  for (auto _ : state) benchmark::DoNotOptimize((*image)->run(&input(), run));
}

void run_native(benchmark::State& state, const Program& program) {
  auto* volatile function = program.native;
  for (auto _ : state) benchmark::DoNotOptimize(function(&input()));
}

// The kernel measures its own repetitions.
void run_kernel(benchmark::State& state, const Program& program) {
  if (!live::available()) return state.SkipWithError(live::unavailable_reason().c_str());
  std::vector<isa::Insn> insns = read_program(program.name, "kernel");
  const auto map = live::create_map(abi::BPF_MAP_TYPE_ARRAY, 4, 8, 4);
  if (!map) return state.SkipWithError("cannot make a map");
  for (isa::Insn& insn : insns)
    if (is_map_load(insn)) insn.src = isa::row(isa::Op::kLoadImm64MapFd).src_key, insn.imm = map->get();
  const auto loaded = live::load(insns, {.type = abi::BPF_PROG_TYPE_XDP});
  if (!loaded) return state.SkipWithError(loaded.log.c_str());
  constexpr uint32_t kRepeat = 200'000;
  for (auto _ : state) {
    const auto result = live::test_run(loaded.fd.get(), {.data = packet(), .repeat = kRepeat});
    if (!result || result->retval != program.native(&input())) return state.SkipWithError("wrong result");
    state.SetIterationTime(result->duration_ns * 1e-9);
  }
}

// Instructions as compilers emit them: arithmetic, memory, compares.
std::vector<isa::Insn> typical_program(size_t copies) {
  std::vector<isa::Insn> body = read_program("parse", "skep");
  const std::vector<isa::Insn> hash = read_program("jhash", "skep");
  std::vector<isa::Insn> insns;
  for (size_t i = 0; i < copies; ++i) {
    for (const auto& part : {body, hash}) insns.insert(insns.end(), part.begin(), part.end());
  }
  return insns;
}

void compile(benchmark::State& state) {
  const std::vector<isa::Insn> insns = typical_program(static_cast<size_t>(state.range(0)));
  const auto executable = exec::make_plain_executable(insns);
  SKEP_CHECK(executable.has_value());
  for (auto _ : state) {
    auto image = exec::make_image(exec::Executable(*executable), exec::Engine::kJit);
    if (!image) return state.SkipWithError(image.error().message.c_str());
    benchmark::DoNotOptimize(image);
  }
  state.counters["insns"] = static_cast<double>(insns.size());
  state.counters["per_insn"] =
      benchmark::Counter(static_cast<double>(insns.size()) * static_cast<double>(state.iterations()),
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

// The usual table, and the times by program and engine for the ratios.
class Reporter final : public benchmark::ConsoleReporter {
 public:
  void ReportRuns(const std::vector<Run>& runs) override {
    ConsoleReporter::ReportRuns(runs);
    for (const Run& run : runs) {
      const std::string& name = run.run_name.function_name;
      const size_t slash = name.find('/');
      if (run.error_occurred || slash == std::string::npos) continue;
      // CPU time, since others may use the machine; the kernel's own measure where it measures.
      const bool measured_itself = run.run_name.time_type == "manual_time";
      times_[name.substr(0, slash)][name.substr(slash + 1)] =
          measured_itself ? run.GetAdjustedRealTime() : run.GetAdjustedCPUTime();
    }
  }

  void print_ratios() {
    // `empty` shows how much of the kernel's time is what it does around each repetition.
    fmt::print("\n{:<10} {:>9} {:>9} {:>9} {:>9}   {:>10} {:>10} {:>10}\n", "ns per run", "interp", "jit",
               "kernel", "native", "interp/jit", "jit/native", "jit/kernel");
    for (const Program& program : kPrograms) {
      const auto& of = times_[program.name];
      if (of.empty()) continue;  // filtered out
      const auto time = [&](const char* engine) { return of.contains(engine) ? of.at(engine) : 0.0; };
      const auto ratio = [&](const char* a, const char* b) {
        return time(a) > 0 && time(b) > 0 ? fmt::format("{:.2f}", time(a) / time(b)) : std::string("-");
      };
      fmt::print("{:<10} {:>9.1f} {:>9.1f} {:>9.1f} {:>9.1f}   {:>10} {:>10} {:>10}\n", program.name,
                 time("interp"), time("jit"), time("kernel"), time("native"), ratio("interp", "jit"),
                 ratio("jit", "native"), ratio("jit", "kernel"));
    }
  }

 private:
  std::map<std::string, std::map<std::string, double>> times_;
};

int run_all(int argc, char** argv) {
  native_map = &counters();
  for (const Program& program : kPrograms) {
    const auto name = [&](const char* engine) { return fmt::format("{}/{}", program.name, engine); };
    benchmark::RegisterBenchmark(name("interp").c_str(), run_engine, program, exec::Engine::kInterpreter);
    benchmark::RegisterBenchmark(name("jit").c_str(), run_engine, program, exec::Engine::kJit);
    benchmark::RegisterBenchmark(name("kernel").c_str(), run_kernel, program)
        ->UseManualTime()
        ->Iterations(20);
    benchmark::RegisterBenchmark(name("native").c_str(), run_native, program);
  }
  benchmark::RegisterBenchmark("compile", compile)->Arg(1)->Arg(16)->Arg(128);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  Reporter reporter;
  benchmark::RunSpecifiedBenchmarks(&reporter);
  reporter.print_ratios();
  return 0;
}

}  // namespace
}  // namespace skep

int main(int argc, char** argv) { return skep::run_all(argc, argv); }
