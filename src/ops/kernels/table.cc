// SPDX-License-Identifier: Apache-2.0
#include "ops/kernels/table.h"

#include "ops/kernels/kernels.h"

namespace nestvec::NESTVEC_ISA {

extern const Kernels kKernels;

const Kernels kKernels = {
    .gemm_f32 = gemm_f32,
    .gemm_bf16 = gemm_bf16,
    .gemm_f32_bf16 = gemm_f32_bf16,
    .gemm_s8 = gemm_s8,
    .gemm_f32_w8 = gemm_f32_w8,
    .gemm_bf16_w8 = gemm_bf16_w8,
    .finish = finish,
    .to_bf16 = to_bf16,
    .to_u8 = to_u8,
    .bf16_to_u8 = bf16_to_u8,
    .project = project,
    .project_bf16 = project_bf16,
    .layer_norm = layer_norm,
    .rms_norm = rms_norm,
    .add = add,
    .from_bf16 = from_bf16,
    .add_scaled = add_scaled,
    .pack_kv_f32 = pack_kv_f32,
    .attend_f32 = attend_f32,
    .pack_kv_bf16 = pack_kv_bf16,
    .attend_bf16 = attend_bf16,
};

}  // namespace nestvec::NESTVEC_ISA
