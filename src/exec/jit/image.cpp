// Running machine code from C++: the program itself and its subprograms as callbacks.
#include "exec/jit/image.h"

#include <algorithm>

#include "base/check.h"

namespace skep::exec::jit {
namespace {

using Args = uint64_t[5];
using EntryFn = uint64_t (*)(void* ctx, helpers::RunContext* run);
using TrampolineFn = uint64_t (*)(const void* subprogram, const Args& args, helpers::RunContext* run);

uint64_t call_function(const helpers::Function& self, const Args& args, helpers::RunContext& run) {
  const auto& function = static_cast<const JitFunction&>(self);
  return function.image->call(function.subprog, args, run);
}

}  // namespace

std::unique_ptr<JitFunction[]> make_functions(size_t subprogram_count) {
  auto functions = std::make_unique<JitFunction[]>(subprogram_count);
  for (uint32_t i = 0; i < subprogram_count; ++i) {
    functions[i].call = &call_function;
    functions[i].subprog = i;
  }
  return functions;
}

JitImage::JitImage(CodeMemory memory, CodeLayout layout, std::unique_ptr<JitFunction[]> functions,
                   std::vector<fault::Site> fault_sites, std::vector<Ref<maps::Map>> maps)
    : memory_(std::move(memory)),
      layout_(std::move(layout)),
      functions_(std::move(functions)),
      maps_(std::move(maps)) {
  jit_tail_entry = memory_.base() + layout_.subprograms[0];
  if (functions_)
    for (size_t i = 0; i < layout_.subprograms.size(); ++i) functions_[i].image = this;
  if (!fault_sites.empty()) fault_sites_ = fault::Sites(std::move(fault_sites));
}

uint64_t JitImage::continue_run(void* ctx, helpers::RunContext& run) const {
  return reinterpret_cast<EntryFn>(const_cast<void*>(jit_tail_entry))(ctx, &run);
}

uint64_t JitImage::call(uint32_t subprog, std::span<const uint64_t> args, helpers::RunContext& run) const {
  SKEP_CHECK(subprog < layout_.subprograms.size() && args.size() <= std::size(Args{}));
  Args padded = {};
  std::ranges::copy(args, padded);
  const std::byte* target = memory_.base() + layout_.subprograms[subprog];
  if (subprog == 0) return continue_run(reinterpret_cast<void*>(padded[0]), run);
  const std::byte* trampoline = memory_.base() + layout_.trampoline;
  return reinterpret_cast<TrampolineFn>(const_cast<std::byte*>(trampoline))(target, padded, &run);
}

}  // namespace skep::exec::jit
