// Pruning: a path that reaches an instruction in a state no more general than one already verified there is
// safe.
#pragma once

#include <list>
#include <memory>
#include <vector>

#include "verifier/context.h"

namespace skep::verifier {

struct Checkpoint {
  VerifierState state;
  uint32_t misses = 0, hits = 0;
};

// The checkpoints of all instructions. Owns them as long as some state descends from them.
class ExploredStates {
 public:
  explicit ExploredStates(size_t insn_count) : buckets_(insn_count) {}

  // At a prune point: sets *safe when the current state need not be followed; may add a checkpoint.
  Check visit(Context& c, bool* safe);
  // The path has ended: its checkpoints have one branch less.
  void path_ended(Context& c, VerifierState* state);
  // Before an entry function is verified: forgets all.
  void clear();

 private:
  using Bucket = std::list<std::unique_ptr<Checkpoint>>;
  Bucket& bucket(const Context& c, int32_t insn);
  void add(Context& c, Bucket& bucket);
  void note_peak(Context& c);
  void clean(Context& c, Bucket& bucket);
  void enter_loop(Context& c, VerifierState& state);
  void leave_loop(Context& c, const VerifierState& state);

  std::vector<Bucket> buckets_;
  std::vector<std::unique_ptr<Checkpoint>> retired_;  // out of the lists, kept while paths descend from them
  // The loops that paths are in: outermost component with the calls that lead to it, and the state that
  // entered.
  std::vector<std::pair<std::vector<int32_t>, const VerifierState*>> loops_;
  size_t live_ = 0;
};

enum class Exactness : uint8_t { kNotExact, kExact, kRangeWithin };
bool states_equal(Context& c, const VerifierState& old, const VerifierState& current, Exactness exactness);
bool registers_exact(const RegState& old, const RegState& current);

// The latest ancestor checkpoint at the instruction in the same functions, or null.
const VerifierState* previous_entry(const VerifierState& state, int32_t insn);
// Forgets scalars that changed since `previous` and decide nothing, so that loops converge.
void widen_imprecise(Context& c, const VerifierState& previous, VerifierState& state);

}  // namespace skep::verifier
