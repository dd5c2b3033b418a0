// The public conformance vectors on every engine. They are not part of this repository: the environment
// variable SKEP_CONFORMANCE_VECTORS names the file, else it is looked for beside the source tree.
#include <fmt/format.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <optional>

#include "engines.h"

namespace skep::exec {
namespace {

struct Vector {
  std::string name;
  std::vector<isa::Insn> program;
  std::vector<uint8_t> memory;
  uint64_t result = 0;
};

// The value of "key": "value" in one line of JSON whose strings hold no escapes.
std::string field(const std::string& line, const std::string& key) {
  const size_t at = line.find("\"" + key + "\": \"");
  if (at == line.npos) return {};
  const size_t begin = at + key.size() + 5;
  return line.substr(begin, line.find('"', begin) - begin);
}

std::vector<uint8_t> bytes_of(const std::string& hex) {
  std::vector<uint8_t> bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes.push_back(static_cast<uint8_t>(std::stoul(hex.substr(i, 2), nullptr, 16)));
  return bytes;
}

std::string vectors_path() {
  if (const char* path = std::getenv("SKEP_CONFORMANCE_VECTORS")) return path;
  return SKEP_SOURCE_DIR "/../shared/conformance/vectors.jsonl";
}

std::vector<Vector> read_vectors() {
  std::vector<Vector> vectors;
  std::ifstream file(vectors_path());
  for (std::string line; std::getline(file, line);) {
    Vector vector{.name = field(line, "name"), .program = {}, .memory = bytes_of(field(line, "memory"))};
    const auto bytes = bytes_of(field(line, "program"));
    vector.program.resize(bytes.size() / sizeof(isa::Insn));
    std::memcpy(vector.program.data(), bytes.data(), vector.program.size() * sizeof(isa::Insn));
    vector.result = std::stoull(field(line, "result"), nullptr, 16);
    vectors.push_back(std::move(vector));
  }
  return vectors;
}

// Why a vector is outside what Linux programs can do, or empty.
std::string_view outside(const std::string& name) {
  if (name == "callx") return "calls through a register, which Linux refuses";
  if (name == "call_unwind_fail") return "expects a helper that no Linux has";
  return {};
}

class Conformance : public EngineTest {};

TEST_P(Conformance, Vectors) {
  const auto vectors = read_vectors();
  if (vectors.empty()) GTEST_SKIP() << "no vectors at " << vectors_path();
  size_t passed = 0;
  for (Vector vector : vectors) {
    if (!outside(vector.name).empty()) continue;
    // r1 is the memory and comes as the context; r2 is its length.
    if (!vector.memory.empty()) {
      const auto size = static_cast<int32_t>(vector.memory.size());
      vector.program.insert(vector.program.begin(), {.code = 0xb7, .dst = 2, .imm = size});
    }
    auto executable = make_plain_executable(vector.program);
    ASSERT_TRUE(executable) << vector.name << ": " << executable.error().message;
    const auto program = image(*std::move(executable));
    ASSERT_TRUE(program) << vector.name;
    helpers::RunContext context;
    const uint64_t result = run(*program, vector.memory.empty() ? nullptr : vector.memory.data(), context);
    EXPECT_EQ(result, vector.result) << vector.name;
    passed += result == vector.result ? 1 : 0;
  }
  RecordProperty("passed", static_cast<int>(passed));
  fmt::print("{}: {} of {} vectors\n", engine_name(GetParam()), passed, vectors.size());
}
SKEP_FOR_EACH_ENGINE(Conformance);

}  // namespace
}  // namespace skep::exec
