// SPDX-License-Identifier: Apache-2.0
#include "weights/torch_file.h"

#include <gtest/gtest.h>

#include <cstring>

#include "nestvec/error.h"
#include "support/checkpoint.h"
#include "support/error_of.h"
#include "support/folders.h"
#include "support/torch_file.h"
#include "weights/torch_pickle.h"

namespace nestvec {
namespace {

std::string real_file(const std::string& name) { return test_data() + "/torch/" + name; }

std::vector<float> floats(const TensorView& tensor) {
  std::vector<float> values(tensor.elements());
  read_as_float(tensor, 0, values);
  return values;
}

std::vector<float> floats(const WeightSet& set, const std::string& name) {
  const TensorView* tensor = set.find(name);
  if (tensor == nullptr) throw Error(ErrorCode::kNotFound, name);
  return floats(*tensor);
}

std::string torch_complaint(const std::string& file) {
  return coded_error_of([&] { parse_torch_file(std::as_bytes(std::span(file)), "m.pt"); });
}

// The values are those of scripts/goldens/torch_files.py: element i is i / 4 - 1.
TEST(TorchFileTest, ReadsALinearLayerInEveryPrecision) {
  for (const char* name : {"linear-f32.pt", "linear-f16.pt", "linear-bf16.pt"}) {
    const WeightSet set = read_torch_file(real_file(name));
    ASSERT_EQ(set.tensors().size(), 2u) << name;
    EXPECT_EQ(set.find("weight")->shape_text(), "[3, 4]");
    EXPECT_EQ(floats(set, "weight"),
              (std::vector<float>{-1, -0.75, -0.5, -0.25, 0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75}));
    EXPECT_EQ(floats(set, "bias"), (std::vector<float>{-1, -0.75, -0.5}));
  }
  EXPECT_EQ(read_torch_file(real_file("linear-bf16.pt")).find("weight")->type, DataType::kBf16);
  EXPECT_EQ(read_torch_file(real_file("linear-f16.pt")).find("weight")->type, DataType::kF16);
}

TEST(TorchFileTest, ReadsViewsOfAStorage) {
  const WeightSet set = read_torch_file(real_file("views.pt"));
  EXPECT_EQ(floats(set, "slice"),
            (std::vector<float>{0.5, 0.75, 1, 1.25, 1.5, 1.75, 2, 2.25, 2.5, 2.75, 3, 3.25}));
  EXPECT_EQ(set.find("transposed")->shape_text(), "[6, 4]");
  const std::vector<float> across = floats(set, "transposed");
  EXPECT_EQ(std::vector<float>(across.begin(), across.begin() + 5),
            (std::vector<float>{-1, 0.5, 2, 3.5, -0.75}));
  EXPECT_EQ(floats(set, "scalar"), (std::vector<float>{2.5}));
  EXPECT_EQ(set.find("empty")->shape_text(), "[0, 5]");
  EXPECT_EQ(floats(set, "one_row"), (std::vector<float>{-1}));
  EXPECT_EQ(floats(set, "nested.row"), (std::vector<float>{3.5, 3.75, 4, 4.25, 4.5, 4.75}));
  EXPECT_EQ(set.find("ids")->type, DataType::kI64);
  EXPECT_EQ(set.find("flags")->type, DataType::kBool);
}

TEST(TorchFileTest, ReadsATableOfManyTensors) {
  const WeightSet set = read_torch_file(real_file("many.pt"));
  ASSERT_EQ(set.tensors().size(), 300u);
  EXPECT_EQ(floats(set, "t299"), (std::vector<float>{299, 299}));
}

TEST(TorchFileTest, LeavesNumbersAndTextsOut) {
  const WeightSet set = read_torch_file(real_file("checkpoint.pt"));
  ASSERT_EQ(set.tensors().size(), 1u);
  EXPECT_EQ(set.tensors()[0].name, "a");
  const std::string pickle = "\x80\x02}(" + pickled_text("n") + "K\1" + pickled_text("s") +
                             pickled_text("x") + pickled_text("o") + ")u.";
  EXPECT_NE(torch_complaint(torch_archive(pickle)).find("o is a tuple, expected a tensor"),
            std::string::npos);
}

TEST(TorchFileTest, RefusesWhatIsNoTableOfTensors) {
  const auto says = [](const std::string& name) {
    return coded_error_of([&] { read_torch_file(real_file(name)); });
  };
  EXPECT_NE(says("gaps.pt").find("UNIMPLEMENTED"), std::string::npos) << says("gaps.pt");
  EXPECT_NE(says("gaps.pt").find("strides [6, 1] of shape [4, 2]"), std::string::npos);
  EXPECT_NE(says("bare.pt").find("found a tensor, expected a table"), std::string::npos);
  EXPECT_NE(says("module.pt").find("asks for torch.nn.modules.linear Linear of Python"),
            std::string::npos)
      << says("module.pt");
  EXPECT_NE(says("legacy.pt").find("torch before 1.6"), std::string::npos) << says("legacy.pt");
  EXPECT_NE(says("script.pt").find("UNIMPLEMENTED"), std::string::npos) << says("script.pt");
  EXPECT_NE(says("no-such.pt").find("NOT_FOUND"), std::string::npos);
}

TEST(TorchFileTest, EveryTruncationIsRefused) {
  const MappedFile whole(real_file("linear-f16.pt"));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_NE(torch_complaint(std::string(whole.text().substr(0, size))), "") << size;
  }
}

// What a file of our own writer gives, so that the damages below differ from it in one place only.
TEST(TorchFileTest, TheWriterOfTheTestsWritesWhatIsRead) {
  const std::string file = torch_archive(pickled_table(PickledTestTensor().bytes()));
  const std::vector<TensorView> tensors = parse_torch_file(std::as_bytes(std::span(file)), "m.pt");
  ASSERT_EQ(tensors.size(), 1u);
  EXPECT_EQ(floats(tensors[0]), std::vector<float>(4));
  EXPECT_EQ(torch_complaint(StoredZip{.entries = {{"m/data.pkl", "\x80\x02}."}},
                                      .comment = "PK\5\6 is a comment"}
                                .bytes()),
            "");
}

struct TorchDamage {
  const char* what;
  std::string file;
  const char* complaint;
};

class DamagedTorchFileTest : public testing::TestWithParam<TorchDamage> {};

TEST_P(DamagedTorchFileTest, IsRefusedWithTheByte) {
  const std::string complaint = torch_complaint(GetParam().file);
  EXPECT_NE(complaint.find(GetParam().complaint), std::string::npos) << "\"" << complaint << "\"";
  EXPECT_NE(complaint.find(" m.pt: byte "), std::string::npos) << complaint;
  EXPECT_LT(complaint.size(), 1'100u);
}

std::string pickle_of(const std::string& pickle) { return torch_archive("\x80\x02" + pickle); }

std::string tensor_of(const PickledTestTensor& tensor) {
  return torch_archive(pickled_table(tensor.bytes()));
}

// An archive in which `size` bytes at `at` from the end of the file are replaced.
std::string patched(std::size_t from_end, const std::string& bytes) {
  std::string file = torch_archive(pickled_table(PickledTestTensor().bytes()));
  file.replace(file.size() - from_end, bytes.size(), bytes);
  return file;
}

std::string replaced(const std::string& what, const std::string& with) {
  std::string file = torch_archive(pickled_table(PickledTestTensor().bytes()));
  file.replace(file.find(what), what.size(), with);
  return file;
}

std::string nested(int depth) {
  std::string value = "}";
  for (int i = 0; i < depth; ++i) value = "}" + pickled_text("t") + value + "s";
  return value;
}

std::string repeated(const std::string& text, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

const std::string kOverlong(kMaxPickledName + 1, 'n');

INSTANTIATE_TEST_SUITE_P(
    Archive, DamagedTorchFileTest,
    testing::Values(
        TorchDamage{"empty", "", "too few bytes"},
        TorchDamage{"no archive", std::string(400, 'x'), "no end of a zip archive"},
        TorchDamage{"compressed", StoredZip{.entries = {{"m/data.pkl", "x"}}, .method = 8}.bytes(),
                    "m/data.pkl is compressed"},
        TorchDamage{"encrypted", StoredZip{.entries = {{"m/data.pkl", "x"}}, .flags = 1}.bytes(),
                    "is encrypted"},
        TorchDamage{"several parts", patched(18, little(1, 2)), "several parts"},
        TorchDamage{"entries by zip64 that is not there", patched(14, std::string(4, '\xff')),
                    "no place of the end with zip64"},
        TorchDamage{"directory by zip64 that is not there", patched(10, std::string(4, '\xff')),
                    "no place of the end with zip64"},
        TorchDamage{"directory outside", patched(6, little(0x7fffffff, 4)), "does not lie before"},
        TorchDamage{"an entry too many", patched(14, little(5, 2) + little(5, 2)),
                    "ends within an entry"},
        TorchDamage{"an entry too few", patched(14, little(3, 2) + little(3, 2)),
                    "bytes behind its last entry"},
        TorchDamage{"a name that stands twice",
                    StoredZip{.entries = {{"m/data.pkl", "x"}, {"m/data.pkl", "y"}}}.bytes(),
                    "stands twice"},
        TorchDamage{"two pickles",
                    StoredZip{.entries = {{"m/data.pkl", "x"}, {"n/data.pkl", "y"}}}.bytes(),
                    "a second data.pkl"},
        TorchDamage{"no pickle", StoredZip{.entries = {{"m/data/0", "x"}}}.bytes(),
                    "no NAME/data.pkl"},
        TorchDamage{"a pickle too deep", StoredZip{.entries = {{"m/n/data.pkl", "x"}}}.bytes(),
                    "no NAME/data.pkl"},
        TorchDamage{"two names of one entry", replaced("m/data.pkl", "m/evil.pkl"),
                    "differs from the directory"},
        TorchDamage{"no local header", replaced("PK\3\4", "PK\3\5"), "no entry begins here"},
        TorchDamage{"big-endian", replaced("little", "big   "), "byte order is big"},
        TorchDamage{"a program",
                    StoredZip{.entries = {{"m/data.pkl", "x"}, {"m/constants.pkl", "x"}}}.bytes(),
                    "TorchScript"}));

INSTANTIATE_TEST_SUITE_P(
    Pickle, DamagedTorchFileTest,
    testing::Values(
        TorchDamage{"a command", pickle_of("cos\nsystem\n" + pickled_text("touch x") + "\x85R."),
                    "asks for os system of Python"},
        TorchDamage{"eval by another name", pickle_of("c__builtin__\neval\n."), "__builtin__ eval"},
        TorchDamage{"an instance", pickle_of("(ios\nsystem\n."), "opcode 105"},
        TorchDamage{"an extension", pickle_of("\x82\x01."), "opcode 130"},
        TorchDamage{"a name from the stack", pickle_of("\x8c\x02os\x8c\x06system\x93."),
                    "opcode 140"},
        TorchDamage{"protocol 4", torch_archive("\x80\x04}."), "protocol 4, expected 2"},
        TorchDamage{"no end", pickle_of("}"), "ends too early"},
        TorchDamage{"bytes behind the end", pickle_of("}.}"), "bytes follow"},
        TorchDamage{"two values", pickle_of("}}."), "not closed"},
        TorchDamage{"an open mark", pickle_of("}(."), "not closed"},
        TorchDamage{"nothing to pop", pickle_of("R."), "a value is missing"},
        TorchDamage{"a mark in the way", pickle_of(")(R."), "a value is missing"},
        TorchDamage{"no mark", pickle_of("}u."), "a mark is missing"},
        TorchDamage{"an unknown memo", pickle_of("h\x07."), "value 7 is not known"},
        TorchDamage{"a text over the end",
                    pickle_of("X\xff\xff\xff\xff"
                              "abc."),
                    "too early"},
        TorchDamage{"a name without end", pickle_of("c" + std::string(300, 'a')), "does not end"},
        TorchDamage{"a key without value", pickle_of("}(" + pickled_text("t") + "u."), "no value"},
        TorchDamage{"a key that is a number", pickle_of("}K\1}s."), "expected a text"},
        TorchDamage{"a number of 9 bytes",
                    pickle_of("\x8a\x09"
                              "123456789."),
                    "over 64 bits"},
        TorchDamage{"a storage by number", pickle_of("K\1Q."), "expected a tuple"},
        TorchDamage{"nested tables", pickle_of(nested(9) + "."), "nested too deeply"},
        TorchDamage{"a table in itself",
                    pickle_of("}q" + little(0, 1) + pickled_text("t") + "h" + little(0, 1) + "s."),
                    "nested too deeply"},
        TorchDamage{"a long name", pickle_of("}" + pickled_text(kOverlong) + "}s."), "over 1024"},
        TorchDamage{"no end of steps", pickle_of(repeated("}", kMaxPickleOpcodes)), "over 1000000"},
        TorchDamage{"a pickle of 17 MB", pickle_of(std::string(17'000'000, ')')), "the limit is"}));

INSTANTIATE_TEST_SUITE_P(
    Tensor, DamagedTorchFileTest,
    testing::Values(
        TorchDamage{"too large", tensor_of({.shape = {5}}), "does not lie in the 4 elements"},
        TorchDamage{"an offset", tensor_of({.offset = 1}), "from element 1"},
        TorchDamage{"a negative offset", tensor_of({.offset = 0xffffffff}), "from element -1"},
        TorchDamage{"a negative extent", tensor_of({.shape = {0xffffffff}}), "[-1]"},
        TorchDamage{"an overflow",
                    tensor_of({.shape = {1 << 30, 1 << 30, 1 << 30}, .strides = {1, 1, 1}}),
                    "is not possible"},
        TorchDamage{"a stride too few", tensor_of({.shape = {2, 2}}), "strides [1]"},
        TorchDamage{"strides over all", tensor_of({.shape = {2, 2}, .strides = {1 << 30, 1}}),
                    "leave gaps"},
        TorchDamage{"a stride of 0", tensor_of({.strides = {0}}), "leave gaps"},
        TorchDamage{"17 axes", tensor_of({.shape = std::vector<std::uint32_t>(17, 1)}), "17 axes"},
        TorchDamage{"a storage too long", tensor_of({.elements = 5}), "has 16 bytes, expected 5"},
        TorchDamage{"a storage of doubles", tensor_of({.type = "DoubleStorage"}),
                    "expected 4 of F64"},
        TorchDamage{"an unknown type", tensor_of({.type = "QInt8Storage"}), "torch QInt8Storage"},
        TorchDamage{
            "no such entry",
            StoredZip{.entries = {{"m/data.pkl", pickled_table(PickledTestTensor().bytes())}}}
                .bytes(),
            "no entry m/data/0"}));

TEST(TorchFileTest, ATensorNamedAgainAndAgainIsBounded) {
  std::string pickle = "}" + PickledTestTensor().bytes();
  pickle += "q" + little(0, 1) + "0";  // opcode POP is not one of the known
  EXPECT_NE(torch_complaint(pickle_of(pickle)).find("opcode 48"), std::string::npos);
  std::string many = "}(";
  for (std::size_t i = 0; i <= kMaxPickledTensors; ++i) many += pickled_text("t") + "}";
  EXPECT_NE(torch_complaint(pickle_of(many + "u.")).find("over 65536"), std::string::npos);
}

TEST(TorchFileTest, NamesThatStandTwiceAreRefused) {
  TemporaryFolder folder;
  const std::string tensor = PickledTestTensor().bytes();
  write_text(folder / "m.pt",
             pickle_of("}(" + pickled_text("t") + tensor + pickled_text("t") + tensor + "u."));
  EXPECT_NE(coded_error_of([&] {
              read_torch_file((folder / "m.pt").string());
            }).find("tensor t appears twice"),
            std::string::npos);
}

}  // namespace
}  // namespace nestvec
