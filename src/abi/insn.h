// The numbers of BPF instructions (RFC 9669 and Linux 6.18) and of classic BPF, in the kernel's spelling.
//
// Do not include next to <linux/bpf.h>, <linux/filter.h> or <pcap/bpf.h>: those make macros of the same
// names.
#pragma once

#include <cstddef>
#include <cstdint>

#ifdef BPF_LD
#error "a system header has made macros of these names; use abi/insn.h instead of it"
#endif

namespace skep::abi {

// One instruction slot. The wide load (BPF_LD | BPF_DW | BPF_IMM) takes two, the second with code 0.
//
//   7      0 7  4 3  0  15       0  31        0
//  +--------+----+----+-----------+------------+
//  |  code  |src |dst |    off    |    imm     |
//  +--------+----+----+-----------+------------+
struct bpf_insn {
  uint8_t code;
  uint8_t dst_reg : 4;
  uint8_t src_reg : 4;
  int16_t off;
  int32_t imm;
};
static_assert(sizeof(bpf_insn) == 8 && offsetof(bpf_insn, off) == 2 && offsetof(bpf_insn, imm) == 4);

// code: |op:4|source:1|class:3| for arithmetic and jumps, |mode:3|size:2|class:3| for loads and stores.
// One enumeration for all parts, since they are meant to be combined with `|`.
enum : int32_t {
  // class
  BPF_LD = 0x00,
  BPF_LDX = 0x01,
  BPF_ST = 0x02,
  BPF_STX = 0x03,
  BPF_ALU = 0x04,
  BPF_JMP = 0x05,
  BPF_JMP32 = 0x06,
  BPF_ALU64 = 0x07,
  BPF_RET = 0x06,   // classic
  BPF_MISC = 0x07,  // classic
  // size
  BPF_W = 0x00,
  BPF_H = 0x08,
  BPF_B = 0x10,
  BPF_DW = 0x18,
  // mode
  BPF_IMM = 0x00,
  BPF_ABS = 0x20,
  BPF_IND = 0x40,
  BPF_MEM = 0x60,
  BPF_LEN = 0x80,     // classic
  BPF_MEMSX = 0x80,   // load with sign extension
  BPF_MSH = 0xa0,     // classic
  BPF_ATOMIC = 0xc0,  // the operation stands in imm
  BPF_XADD = 0xc0,    // its name before 5.12
  // source
  BPF_K = 0x00,
  BPF_X = 0x08,
  BPF_A = 0x10,      // classic: of BPF_RET
  BPF_TO_LE = 0x00,  // of BPF_END
  BPF_TO_BE = 0x08,
  // arithmetic
  BPF_ADD = 0x00,
  BPF_SUB = 0x10,
  BPF_MUL = 0x20,
  BPF_DIV = 0x30,
  BPF_OR = 0x40,
  BPF_AND = 0x50,
  BPF_LSH = 0x60,
  BPF_RSH = 0x70,
  BPF_NEG = 0x80,
  BPF_MOD = 0x90,
  BPF_XOR = 0xa0,
  BPF_MOV = 0xb0,
  BPF_ARSH = 0xc0,
  BPF_END = 0xd0,
  BPF_TAX = 0x00,  // classic: of BPF_MISC
  BPF_TXA = 0x80,
  // jumps
  BPF_JA = 0x00,
  BPF_JEQ = 0x10,
  BPF_JGT = 0x20,
  BPF_JGE = 0x30,
  BPF_JSET = 0x40,
  BPF_JNE = 0x50,
  BPF_JSGT = 0x60,
  BPF_JSGE = 0x70,
  BPF_CALL = 0x80,
  BPF_EXIT = 0x90,
  BPF_JLT = 0xa0,
  BPF_JLE = 0xb0,
  BPF_JSLT = 0xc0,
  BPF_JSLE = 0xd0,
  BPF_JCOND = 0xe0,  // may_goto
  // imm of BPF_ATOMIC, beside BPF_ADD, BPF_OR, BPF_AND, BPF_XOR with or without BPF_FETCH
  BPF_FETCH = 0x01,
  BPF_XCHG = 0xe0 | BPF_FETCH,
  BPF_CMPXCHG = 0xf0 | BPF_FETCH,
  BPF_LOAD_ACQ = 0x100,
  BPF_STORE_REL = 0x110,
};
enum : uint8_t { BPF_MAY_GOTO = 0 };         // src_reg of BPF_JCOND
enum : uint8_t { BPF_ADDR_SPACE_CAST = 1 };  // off of BPF_ALU64 | BPF_MOV | BPF_X

// src_reg of the wide load.
enum : uint8_t {
  BPF_PSEUDO_MAP_FD = 1,
  BPF_PSEUDO_MAP_VALUE = 2,
  BPF_PSEUDO_BTF_ID = 3,
  BPF_PSEUDO_FUNC = 4,
  BPF_PSEUDO_MAP_IDX = 5,
  BPF_PSEUDO_MAP_IDX_VALUE = 6,
};
// src_reg of BPF_CALL; 0 is a helper.
enum : uint8_t { BPF_PSEUDO_CALL = 1, BPF_PSEUDO_KFUNC_CALL = 2 };

enum : uint8_t {
  BPF_REG_0,
  BPF_REG_1,
  BPF_REG_2,
  BPF_REG_3,
  BPF_REG_4,
  BPF_REG_5,
  BPF_REG_6,
  BPF_REG_7,
  BPF_REG_8,
  BPF_REG_9,
  BPF_REG_10,
  MAX_BPF_REG,
  BPF_REG_AX = MAX_BPF_REG,  // internal to rewritten programs; no client may name it
};

enum : uint32_t {
  MAX_BPF_STACK = 512,
  MAX_BPF_FUNC_REG_ARGS = 5,
  MAX_TAIL_CALL_CNT = 33,
  BPF_MAXINSNS = 4096,                   // for clients without CAP_BPF, and of classic BPF
  BPF_COMPLEXITY_LIMIT_INSNS = 1000000,  // program length with CAP_BPF, and instructions processed
  BPF_COMPLEXITY_LIMIT_JMP_SEQ = 8192,   // branch states waiting at once
  BPF_COMPLEXITY_LIMIT_STATES = 64,  // states kept at one instruction before it is not a heuristic any more
  BPF_MAX_LOOPS = 8 * 1024 * 1024,   // bpf_loop and open-coded iterators
  BPF_MAX_TIMED_LOOPS = 0xffff,      // may_goto
  BPF_MAX_SUBPROGS = 256,
  MAX_CALL_FRAMES = 8,
  MAX_USED_MAPS = 64,
  MAX_USED_BTFS = 64,
  BPF_MAX_VAR_OFF = 1 << 29,
  BPF_MAX_VAR_SIZ = 1 << 29,
};

constexpr uint8_t BPF_CLASS(uint8_t code) { return code & 0x07; }
constexpr uint8_t BPF_SIZE(uint8_t code) { return code & 0x18; }
constexpr uint8_t BPF_MODE(uint8_t code) { return code & 0xe0; }
constexpr uint8_t BPF_OP(uint8_t code) { return code & 0xf0; }
constexpr uint8_t BPF_SRC(uint8_t code) { return code & 0x08; }
constexpr uint8_t BPF_RVAL(uint16_t code) { return code & 0x18; }
constexpr uint8_t BPF_MISCOP(uint16_t code) { return code & 0xf8; }

// Classic BPF: socket filters (SO_ATTACH_FILTER), seccomp, pcap.
struct sock_filter {
  uint16_t code;
  uint8_t jt;
  uint8_t jf;
  uint32_t k;
};
static_assert(sizeof(sock_filter) == 8 && offsetof(sock_filter, k) == 4);

struct sock_fprog {
  uint16_t len;
  sock_filter* filter;
};
static_assert(sizeof(sock_fprog) == 16);

enum : uint32_t { BPF_MEMWORDS = 16 };

// Offsets of a classic absolute load that mean something other than packet data.
enum : int32_t {
  SKF_AD_OFF = -0x1000,
  SKF_AD_PROTOCOL = 0,
  SKF_AD_PKTTYPE = 4,
  SKF_AD_IFINDEX = 8,
  SKF_AD_NLATTR = 12,
  SKF_AD_NLATTR_NEST = 16,
  SKF_AD_MARK = 20,
  SKF_AD_QUEUE = 24,
  SKF_AD_HATYPE = 28,
  SKF_AD_RXHASH = 32,
  SKF_AD_CPU = 36,
  SKF_AD_ALU_XOR_X = 40,
  SKF_AD_VLAN_TAG = 44,
  SKF_AD_VLAN_TAG_PRESENT = 48,
  SKF_AD_PAY_OFFSET = 52,
  SKF_AD_RANDOM = 56,
  SKF_AD_VLAN_TPID = 60,
  SKF_AD_MAX = 64,
  SKF_NET_OFF = -0x100000,
  SKF_LL_OFF = -0x200000,
};

}  // namespace skep::abi
