// SPDX-License-Identifier: Apache-2.0
// The ten-line program of a user: consumer MODEL_FOLDER.
#include <nestvec/model.h>

#include <iostream>

int main(int argc, char** argv) try {
  nestvec::Model model = nestvec::load_model(argc > 1 ? argv[1] : ".");
  std::vector<float> vector = model.predict("a text");
  std::cout << vector.size() << " numbers, the first " << vector.at(0) << "\n";
} catch (const nestvec::Error& error) {
  std::cerr << error.what() << "\n";
  return 1;
}
