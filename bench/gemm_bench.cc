// SPDX-License-Identifier: Apache-2.0
// Matrix products of the encoder on one thread, weights streamed from memory, with the kernels that
// NESTVEC_MAX_ISA and this machine allow. onednn_bench.cc sets oneDNN beside them where it is
// installed.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <type_traits>
#include <vector>

#include "encoder_products.h"
#include "ops/isa.h"
#include "ops/kernels/table.h"

namespace {

using nestvec::kEncoderLayers;
using nestvec::Kernels;
using nestvec::kLayerProducts;
using nestvec::kLayerWeights;
using nestvec::kPanel;
using nestvec::kW8GroupBytes;
using nestvec::kW8Inputs;
using nestvec::Lines;
using nestvec::PanelProduct;
using nestvec::ProductShape;

template <class A, class W, class C>
using Kernel = void (*)(const PanelProduct<A, W, C>&);

constexpr std::size_t kBlockRows = 96;

template <class A, class W, class C>
struct Operands {
  std::size_t rows;
  const A* a;
  const W* weights;
  C* out;
};

// Elements that so many whole panels' weights take: those of w8 (std::uint8_t) have scales among
// them.
template <class W>
constexpr std::size_t stored(std::size_t weights) {
  if (!std::is_same_v<W, std::uint8_t>) return weights;
  return weights / (kW8Inputs * kPanel) * kW8GroupBytes;
}

template <class W>
Lines random_weights() {
  Lines lines = nestvec::random_elements<W>(stored<W>(kLayerWeights));
  if constexpr (std::is_same_v<W, std::uint8_t>) {
    std::array<std::uint16_t, kPanel> scales;
    scales.fill(0x3c00);  // 2^-7 as bfloat16
    for (std::size_t at = 0; at < stored<W>(kLayerWeights); at += kW8GroupBytes) {
      std::memcpy(lines.data() + at, scales.data(), sizeof scales);
    }
  }
  return lines;
}

// One product, in blocks of rows, as ops/linear.cc walks them.
template <class A, class W, class C>
void multiply(Kernel<A, W, C> kernel, const ProductShape& shape, const Operands<A, W, C>& x) {
  // Rows a multiple of 4 KiB apart would share the sets of the first cache level.
  const std::size_t stride = shape.inputs + 64 / sizeof(A);
  std::array<C, kBlockRows * kPanel> c;
  const std::size_t blocks = (x.rows + kBlockRows - 1) / kBlockRows;
  for (std::size_t b = 0; b < blocks; ++b) {
    const std::size_t first = x.rows * b / blocks;
    const std::size_t count = x.rows * (b + 1) / blocks - first;
    for (std::size_t n = 0; n < shape.outputs; n += kPanel) {
      kernel({x.a + first * stride, stride, count, x.weights + stored<W>(n * shape.inputs),
              shape.inputs, c.data()});
      for (std::size_t r = 0; r < count; ++r) {
        std::copy_n(c.data() + r * kPanel, kPanel, x.out + (first + r) * shape.outputs + n);
      }
    }
  }
}

template <class A, class W, class C>
void encoder(benchmark::State& state, Kernel<A, W, C> Kernels::* product) {
  const nestvec::Isa isa = nestvec::machine_isa();
  state.SetLabel(std::string(nestvec::isa_name(isa)));
  const auto kernel = nestvec::kernels(isa).*product;
  const auto rows = static_cast<std::size_t>(state.range(0));
  const Lines a = nestvec::random_elements<A>(rows * (nestvec::kMaxWidth + 64));
  Lines out(rows * nestvec::kMaxWidth * sizeof(C));
  std::vector<Lines> layers;
  for (std::size_t i = 0; i < kEncoderLayers; ++i) {
    layers.push_back(random_weights<W>());
  }
  for (auto _ : state) {
    for (const Lines& layer : layers) {
      const W* weights = reinterpret_cast<const W*>(layer.data());
      for (const ProductShape& shape : kLayerProducts) {
        multiply<A, W, C>(kernel, shape,
                          {rows, reinterpret_cast<const A*>(a.data()), weights,
                           reinterpret_cast<C*>(out.data())});
        weights += stored<W>(shape.outputs * shape.inputs);
      }
    }
    benchmark::DoNotOptimize(out.data());
  }
  nestvec::report_encoder(state, rows);
}

void rows_to_measure(benchmark::internal::Benchmark* benchmark) {
  benchmark->Arg(16)->Arg(128)->Arg(1024)->Unit(benchmark::kMillisecond);
}

BENCHMARK_CAPTURE(encoder, f32, &Kernels::gemm_f32)->Apply(rows_to_measure);
BENCHMARK_CAPTURE(encoder, f32_bf16, &Kernels::gemm_f32_bf16)->Apply(rows_to_measure);
BENCHMARK_CAPTURE(encoder, bf16, &Kernels::gemm_bf16)->Apply(rows_to_measure);
BENCHMARK_CAPTURE(encoder, f32_w8, &Kernels::gemm_f32_w8)->Apply(rows_to_measure);
BENCHMARK_CAPTURE(encoder, bf16_w8, &Kernels::gemm_bf16_w8)->Apply(rows_to_measure);
BENCHMARK_CAPTURE(encoder, s8, &Kernels::gemm_s8)->Apply(rows_to_measure);

}  // namespace
