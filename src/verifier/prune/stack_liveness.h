// Which stack slots may still be read: observed reads and certain writes of each instruction, by chain of
// calls, joined over the flow graph. Pruning forgets dead slots of finished states.
//
// Reads are recorded while paths are followed, so an answer is right for a state whose paths have all ended.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "verifier/state/verifier_state.h"

namespace skep::verifier {

class Context;

class StackLiveness {
 public:
  // The current instruction reads, or certainly overwrites, a slot of `frame`.
  void read(Context& c, uint32_t frame, int slot);
  void write(Context& c, uint32_t frame, int slot);
  void begin_insn(Context& c);
  void end_insn();
  // May slot be read after `state` (before its instruction, for the innermost frame)?
  bool alive(Context& c, const VerifierState& state, int frame, int slot);

 private:
  struct Masks {
    uint64_t reads = 0, writes = 0, live = 0;
    bool visited = false;
  };
  struct Instance {  // one function reached by one chain of calls
    int32_t start = 0, end = 0;
    int depth = 0;
    Instance* outer = nullptr;
    int32_t callsite = -1;
    bool dirty = false;
    std::vector<Masks> frames[kMaxFrames];
  };
  Instance& instance_of(Context& c, const VerifierState& state, int depth);
  Masks& masks(Instance& instance, uint32_t frame, int32_t insn);
  void settle(Context& c);
  void flow(Context& c, Instance& instance);

  std::map<std::vector<int32_t>, std::unique_ptr<Instance>> instances_;
  Instance* current_ = nullptr;
  int32_t insn_ = 0;
  uint64_t written_[kMaxFrames] = {};
  bool any_dirty_ = false;
};

}  // namespace skep::verifier
