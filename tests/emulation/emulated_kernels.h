// SPDX-License-Identifier: Apache-2.0
// The kernels of the instruction sets above AVX2, for machines that lack them: the same
// sources at the same widths, compiled for AVX2, with the instructions that they name in software.
#pragma once

#include "ops/isa.h"
#include "ops/kernels/table.h"

namespace nestvec {

// Precondition: a level of x86-64 above AVX2, and on x86-64 the machine has AVX2.
const Kernels& emulated_kernels(Isa isa);

}  // namespace nestvec
