// SPDX-License-Identifier: Apache-2.0
// The kernels as the sources of this folder define them, once an instruction set. What each does
// stands in table.h.
#pragma once

#include "ops/kernels/table.h"

#ifndef NESTVEC_ISA
#define NESTVEC_ISA generic
#endif

namespace nestvec::NESTVEC_ISA {

void gemm_f32(const PanelProduct<float, float, float>& p);
void gemm_bf16(const PanelProduct<uint16_t, uint16_t, float>& p);
void gemm_f32_bf16(const PanelProduct<float, uint16_t, float>& p);
void gemm_s8(const PanelProduct<uint8_t, int8_t, int32_t>& p);
void gemm_f32_w8(const PanelProduct<float, uint8_t, float>& p);
void gemm_bf16_w8(const PanelProduct<uint16_t, uint8_t, float>& p);

void finish(const PanelFinish& f);

void to_bf16(const float* x, size_t n, uint16_t* out);
RowScale to_u8(const float* x, size_t n, uint8_t* out);
RowScale bf16_to_u8(const uint16_t* x, size_t n, uint8_t* out);
void project(const Projection<float>& p);
void project_bf16(const Projection<uint16_t>& p);
void layer_norm(const LayerNorm& norm);
void rms_norm(const LayerNorm& norm);
void add(const float* x, size_t n, float* sum);
void from_bf16(const uint16_t* x, size_t n, float* out);
void add_scaled(float a, const float* x, size_t n, float* y);

void pack_kv_f32(const PackKeysValues<float>& p);
void attend_f32(const AttendQueries<float>& a);
void pack_kv_bf16(const PackKeysValues<uint16_t>& p);
void attend_bf16(const AttendQueries<uint16_t>& a);

}  // namespace nestvec::NESTVEC_ISA
