// SPDX-License-Identifier: Apache-2.0
// What a narrow precision loses of a model, on texts that are built in.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "nestvec/model.h"

namespace nestvec {

// Below it vectors are no longer those of the model: `nestvec compile` refuses to write it.
inline constexpr double kLeastCosine = 0.99;

// What a model gives for the built-in texts, its tasks in turns: vectors, sparse weights at the
// places of the vocabulary or, of a classifier, the outputs for pairs of neighbours.
struct SampleRows {
  std::size_t width = 0;
  std::vector<float> values;  // [texts, width]
  bool scores = false;
};

// Blocks. Throws Error as the model does.
SampleRows sample_rows(const Model& model);

struct PrecisionLoss {
  std::size_t texts = 0;
  double least_cosine = 1;  // of vectors
  double mean_cosine = 1;
  double largest_difference = 0;  // of scores
  bool scores = false;

  // "cosine to fp32: 0.9991 (lowest of 24 texts), 0.9996 on average"
  std::string text() const;
};

// Precondition: both are of the same model. Rows of zeros and of what is not finite are no cosine
// at all: 0, unless the bits are the same.
PrecisionLoss compare_rows(const SampleRows& exact, const SampleRows& narrow);

// Loads the model's folder in fp32, from a graph that is made in `scratch`, an empty folder, and
// then the compiled one; never both at once. Blocks. Throws Error as load_model() does.
PrecisionLoss measure_precision_loss(const std::string& model_folder,
                                     const std::string& compiled_folder,
                                     const std::string& scratch);

}  // namespace nestvec
