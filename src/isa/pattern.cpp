#include "isa/pattern.h"

namespace skep::isa {

std::string_view pattern(const InsnDesc& desc) {
  const bool reg = desc.source == Source::kReg;
  switch (desc.format) {
    case Format::kAlu:
      if (desc.operation == Operation::kPerCpuAddress) return "%d = &(void __percpu *)(%s)";
      return reg ? "%d %m %s" : "%d %m %i";
    case Format::kNeg:
      return "%d = -%d";
    case Format::kMovsx:
      return "%d = (s%b)%s";
    case Format::kAddrSpaceCast:
      return "%d = addr_space_cast(%s, %h, %k)";
    case Format::kByteOrder:
    case Format::kBswap:
      return "%d = %m%b %d";
    case Format::kLoadImm64:
      return "%d = %w";
    case Format::kLoadAbs:
      return "r0 = *(u%b *)skb[%i]";
    case Format::kLoadInd:
      return "r0 = *(u%b *)skb[%s + %i]";
    case Format::kLoad:
      return desc.operation == Operation::kLoadSx ? "%d = *(s%b *)(%s %o)" : "%d = *(u%b *)(%s %o)";
    case Format::kStore:
      return reg ? "*(u%b *)(%d %o) = %s" : "*(u%b *)(%d %o) = %i";
    case Format::kAtomic:
      return "lock *(u%b *)(%d %o) %m %s";
    case Format::kAtomicFetch:
      return desc.operation == Operation::kAtomicCmpxchg ? "r0 = atomic%a_%m((u%b *)(%d %o), r0, %s)"
                                                         : "%s = atomic%a_%m((u%b *)(%d %o), %s)";
    case Format::kLoadAcquire:
      return "%d = %m((u%b *)(%s %o))";
    case Format::kStoreRelease:
      return "%m((u%b *)(%d %o), %s)";
    case Format::kJump:
    case Format::kMayGoto:
      return "%m %j";
    case Format::kJumpLong:
      return "%m %l";
    case Format::kCondJump:
      return reg ? "if %d %m %s goto %j" : "if %d %m %x goto %j";
    case Format::kCall:
      if (desc.operation == Operation::kTailCall) return "%m";
      return desc.operation == Operation::kCallIndirect ? "%m %d" : "%m %c";
    case Format::kExit:
    case Format::kNospec:
      return "%m";
  }
  return {};
}

char register_letter(const InsnDesc& desc) {
  switch (desc.format) {
    case Format::kAlu:
    case Format::kNeg:
    case Format::kMovsx:
    case Format::kCondJump:
      return desc.width == Width::k32 ? 'w' : 'r';
    default:
      return 'r';
  }
}

}  // namespace skep::isa
