// SPDX-License-Identifier: Apache-2.0
// What this processor can do and how many threads are worth starting on it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "base/cgroup.h"

namespace nestvec {

// x86: instruction sets that both the processor has and the system saves on a context switch
// (XCR0). For AMX a process must besides ask the kernel once (arch_prctl ARCH_REQ_XCOMP_PERM)
// before its first tile instruction; oneDNN and ONNX Runtime do. Arm: those that the system
// reports.
struct CpuFeatures {
  std::string model_name;  // "AMD EPYC 9R14", as the processor states it; empty if it does not
  bool sse4 = false;       // SSE4.1
  bool avx2 = false;       // with FMA
  bool avx_vnni = false;   // in registers of AVX2
  bool avx512f = false;    // with BW, DQ and VL
  bool avx512_vnni = false;
  bool avx512_bf16 = false;
  bool avx512_bf16_is_slow = false;  // half as many products as in fp32
  bool amx_bf16 = false;
  bool amx_int8 = false;
  bool neon = false;  // Advanced SIMD
  bool neon_dotprod = false;
  bool neon_i8mm = false;
  bool neon_bf16 = false;

  // The best of the above by its name, or "generic".
  std::string best_isa() const;
};

// Registers of one CPUID leaf.
struct CpuidRegisters {
  std::uint32_t eax = 0;
  std::uint32_t ebx = 0;
  std::uint32_t ecx = 0;
  std::uint32_t edx = 0;
};

// The processor as a parameter, so that tests can stand in for one.
struct CpuidSource {
  std::function<CpuidRegisters(std::uint32_t leaf, std::uint32_t subleaf)> cpuid;
  std::function<std::uint64_t()> xcr0;  // called only where CPUID says that it exists
};

// Never blocks. Safe for concurrent use.
CpuFeatures detect_cpu();
CpuFeatures detect_cpu(const CpuidSource& source);

// What Linux reports of an aarch64 processor in the auxiliary vector (AT_HWCAP, AT_HWCAP2).
CpuFeatures detect_arm(std::uint64_t hwcap, std::uint64_t hwcap2);

// detect_cpu().best_isa().
std::string best_isa();

// How many threads, and why: "2: cgroup quota 2.0 of 8 cores".
struct ThreadPlan {
  std::size_t threads = 1;
  std::string reason;
};

// The least of physical cores (hyperthreads share the units that the model is bound by), affinity,
// cgroup quota and `cpu_limit` cores (0 = none), rounded down, at least 1. `requested` threads, or
// else OMP_NUM_THREADS, replace the count of physical cores but not the other three; 0 = not
// requested.
ThreadPlan decide_threads(double cpu_limit, std::size_t requested);
ThreadPlan decide_threads(double cpu_limit, std::size_t requested, const SystemView& system);

}  // namespace nestvec
