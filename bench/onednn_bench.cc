// SPDX-License-Identifier: Apache-2.0
// gemm_bench.cc's products through oneDNN, on one thread too, its weights laid out as it asks.
#include <benchmark/benchmark.h>
#include <omp.h>

#include <dnnl.hpp>
#include <unordered_map>
#include <vector>

#include "encoder_products.h"

namespace {

using dnnl::memory;

// Element types, for BENCHMARK_CAPTURE: their values are oneDNN's.
struct Types {
  memory::data_type a;
  memory::data_type weights;
  memory::data_type c;
};

struct Product {
  dnnl::matmul primitive;
  memory a;
  memory weights;
  memory c;
};

memory::dim dim(std::size_t n) { return static_cast<memory::dim>(n); }

// A memory of 0.5 or, where integer, 1.
memory filled(const memory::desc& desc, const dnnl::engine& engine) {
  memory result(desc, engine);
  const auto type = static_cast<memory::data_type>(desc.data.data_type);
  const std::size_t bytes = desc.get_size();
  auto* data = static_cast<std::byte*>(result.get_data_handle());
  const nestvec::Lines values =
      type == memory::data_type::f32    ? nestvec::random_elements<float>(bytes / 4)
      : type == memory::data_type::bf16 ? nestvec::random_elements<std::uint16_t>(bytes / 2)
                                        : nestvec::random_elements<std::uint8_t>(bytes);
  std::memcpy(data, values.data(), bytes);
  return result;
}

std::vector<Product> encoder_products(const Types& types, std::size_t rows,
                                      const dnnl::engine& engine) {
  std::vector<Product> products;
  for (std::size_t layer = 0; layer < nestvec::kEncoderLayers; ++layer) {
    for (const nestvec::ProductShape& shape : nestvec::kLayerProducts) {
      const memory::desc a({dim(rows), dim(shape.inputs)}, types.a, memory::format_tag::ab);
      const memory::desc weights({dim(shape.inputs), dim(shape.outputs)}, types.weights,
                                 memory::format_tag::any);
      const memory::desc c({dim(rows), dim(shape.outputs)}, types.c, memory::format_tag::ab);
      const dnnl::matmul::primitive_desc desc(dnnl::matmul::desc(a, weights, c), engine);
      products.push_back({dnnl::matmul(desc), filled(desc.src_desc(), engine),
                          filled(desc.weights_desc(), engine), memory(desc.dst_desc(), engine)});
    }
  }
  return products;
}

void onednn(benchmark::State& state, const Types& types) {
  omp_set_num_threads(1);
  const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  dnnl::stream stream(engine);
  const auto rows = static_cast<std::size_t>(state.range(0));
  std::vector<Product> products;
  try {
    products = encoder_products(types, rows, engine);
  } catch (const dnnl::error& error) {
    state.SkipWithError(error.what());
    return;
  }
  for (auto _ : state) {
    for (Product& product : products) {
      product.primitive.execute(stream, {{DNNL_ARG_SRC, product.a},
                                         {DNNL_ARG_WEIGHTS, product.weights},
                                         {DNNL_ARG_DST, product.c}});
    }
    stream.wait();
  }
  nestvec::report_encoder(state, rows);
}

void rows_to_measure(benchmark::internal::Benchmark* benchmark) {
  benchmark->Arg(16)->Arg(128)->Arg(1024)->Unit(benchmark::kMillisecond);
}

using Type = memory::data_type;
BENCHMARK_CAPTURE(onednn, f32, Types{Type::f32, Type::f32, Type::f32})->Apply(rows_to_measure);
BENCHMARK_CAPTURE(onednn, bf16, Types{Type::bf16, Type::bf16, Type::f32})->Apply(rows_to_measure);
BENCHMARK_CAPTURE(onednn, s8, Types{Type::u8, Type::s8, Type::s32})->Apply(rows_to_measure);

}  // namespace
