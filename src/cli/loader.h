// ObjectFile: an ELF object opened with libbpf, whose programs can be loaded one at a time.
//
// libbpf is linked statically with its syscall(2) renamed to skep_libbpf_syscall (see CMakeLists.txt), so
// every bpf(2) it makes goes to the in-process kernel of host.h. This header is free of <linux/bpf.h>.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "isa/insn.h"

namespace skep::cli {

struct ProgramInfo {
  std::string name;
  std::string section;
  std::string type;  // "xdp", as bpftool spells it; "unspec" when the section name says nothing
  uint32_t type_id = 0;
  uint32_t insn_count = 0;
};

struct LoadResult {
  bool accepted = false;
  int error = 0;           // positive errno of a rejection
  std::string log;         // the verifier's
  uint64_t time_us = 0;    // of PROG_LOAD
  uint32_t processed = 0;  // instructions the verifier processed; 0 when it did not get that far
  std::string message;     // libbpf's last warning when the failure came before the verifier
};

// One open object. Not thread-safe: libbpf's print hook is global.
class ObjectFile {
 public:
  // ENOENT and friends from the file system, EINVAL with libbpf's reason when it is not a BPF object.
  static Result<ObjectFile> open(const std::string& path);
  ObjectFile(ObjectFile&&) noexcept;
  ObjectFile& operator=(ObjectFile&&) noexcept;
  ~ObjectFile();

  const std::string& path() const;
  std::vector<ProgramInfo> programs() const;
  // Instructions of a program as in the file, before relocation. ENOENT when there is no such program.
  Result<std::vector<isa::Insn>> instructions(const std::string& program) const;

  // Loads the object with this program alone. `log_level` as in PROG_LOAD. Opens the file anew each time,
  // since libbpf loads an object once.
  LoadResult load(const std::string& program, uint32_t log_level) const;

  // A loaded object that stays: the program's fd, valid while this lives.
  class Loaded {
   public:
    Loaded(Loaded&&) noexcept;
    ~Loaded();
    int program_fd() const;

   private:
    friend class ObjectFile;
    struct State;
    explicit Loaded(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
  };
  Result<Loaded> load_and_keep(const std::string& program) const;

 private:
  struct State;
  explicit ObjectFile(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace skep::cli
