// SPDX-License-Identifier: Apache-2.0
// For tests: writes zip archives and pickles as torch.save does, right ones and broken ones.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace nestvec {

inline std::string little(std::uint64_t value, std::size_t size) {
  std::string bytes;
  for (std::size_t i = 0; i < size; ++i)
    bytes.push_back(static_cast<char>(i < 8 ? value >> (8 * i) : 0));
  return bytes;
}

struct StoredZip {
  std::vector<std::pair<std::string, std::string>> entries;
  std::uint16_t method = 0;
  std::uint16_t flags = 0;
  std::string comment = {};
  bool zip64 = false;  // all sizes and places stand in zip64's records

  std::string bytes() const {
    std::string file;
    std::string directory;
    for (const auto& [name, content] : entries) {
      const std::string sizes = little(0, 4) + field(content.size()) + field(content.size());
      // Behind a field of another kind, as torch pads with them.
      const std::string extra = zip64 ? "FB" + little(3, 2) + "ZZZ" + little(1, 2) + little(24, 2) +
                                            little(content.size(), 8) + little(content.size(), 8) +
                                            little(file.size(), 8)
                                      : "";
      directory += "PK\1\2" + little(0, 4) + little(flags, 2) + little(method, 2) + little(0, 4) +
                   sizes + little(name.size(), 2) + little(extra.size(), 2) + little(0, 10) +
                   field(file.size()) + name + extra;
      file += "PK\3\4" + little(0, 2) + little(flags, 2) + little(method, 2) + little(0, 4) +
              sizes + little(name.size(), 2) + little(0, 2) + name + content;
    }
    const std::string count = zip64 ? "\xff\xff" : little(entries.size(), 2);
    return file + directory + (zip64 ? zip64_end(file.size(), directory.size()) : "") + "PK\5\6" +
           little(0, 4) + count + count + field(directory.size()) + field(file.size()) +
           little(comment.size(), 2) + comment;
  }

 private:
  std::string field(std::size_t value) const {
    return zip64 ? std::string(4, '\xff') : little(value, 4);
  }

  // The record (56 bytes) and the locator (20).
  std::string zip64_end(std::size_t begin, std::size_t size) const {
    const std::string count = little(entries.size(), 8);
    return "PK\6\6" + little(44, 8) + little(45, 2) + little(45, 2) + little(0, 8) + count + count +
           little(size, 8) + little(begin, 8) + "PK\6\7" + little(0, 4) + little(begin + size, 8) +
           little(1, 4);
  }
};

// Pieces of a pickle.
inline std::string pickled_text(const std::string& text) {
  return "X" + little(text.size(), 4) + text;
}
inline std::string pickled_number(std::uint32_t number) { return "J" + little(number, 4); }
inline std::string pickled_numbers(const std::vector<std::uint32_t>& numbers) {
  std::string tuple = "(";
  for (const std::uint32_t number : numbers) tuple += pickled_number(number);
  return tuple + "t";
}
inline std::string pickled_storage(const std::string& type, const std::string& key,
                                   std::uint32_t elements) {
  return "(" + pickled_text("storage") + "ctorch\n" + type + "\n" + pickled_text(key) +
         pickled_text("cpu") + pickled_number(elements) + "tQ";
}

struct PickledTestTensor {
  std::string type = "FloatStorage";
  std::uint32_t elements = 4;
  std::uint32_t offset = 0;
  std::vector<std::uint32_t> shape = {4};
  std::vector<std::uint32_t> strides = {1};

  std::string bytes() const {
    return "ctorch._utils\n_rebuild_tensor_v2\n(" + pickled_storage(type, "0", elements) +
           pickled_number(offset) + pickled_numbers(shape) + pickled_numbers(strides) +
           "\x89"
           "ccollections\nOrderedDict\n)RtR";
  }
};

// A table with one entry "t".
inline std::string pickled_table(const std::string& value) {
  return "\x80\x02}" + pickled_text("t") + value + "s.";
}

// An archive with this pickle and one storage of `storage` bytes.
inline std::string torch_archive(const std::string& pickle, std::size_t storage = 16) {
  return StoredZip{.entries = {{"m/data.pkl", pickle},
                               {"m/byteorder", "little"},
                               {"m/data/0", std::string(storage, '\0')},
                               {"m/version", "3\n"}}}
      .bytes();
}

}  // namespace nestvec
