// SPDX-License-Identifier: Apache-2.0
// Which of Model's functions a call in braces means.
#include "nestvec/model.h"

#include <gtest/gtest.h>

#include <future>
#include <utility>

#include "support/scripted_model.h"

namespace nestvec {
namespace {

Model any_model() { return scripted_model(std::make_unique<ScriptedSession>()); }

// Letters of the text, with the two special tokens.
using Counts = std::vector<std::uint32_t>;

TEST(ModelBraces, LiteralsAreTexts) {
  const Model model = any_model();
  const Embeddings rows = model.predict({"a b c", "d"});
  EXPECT_EQ(rows.rows, 2U);
  EXPECT_EQ(rows.tokens, (Counts{5, 3}));
  EXPECT_EQ(model.predict({"a", "b c", "d"}).tokens, (Counts{3, 4, 3}));
  EXPECT_EQ(model.predict({"a b"}).tokens, (Counts{4}));
}

TEST(ModelBraces, StringsAndViewsAreTexts) {
  const Model model = any_model();
  const std::string text = "a b";
  const std::string_view view = "c";
  EXPECT_EQ(model.predict({text, text}).tokens, (Counts{4, 4}));
  EXPECT_EQ(model.predict({view, text, "d e f"}).tokens, (Counts{3, 4, 5}));
  const char* const pointer = "a b c d";
  EXPECT_EQ(model.predict({pointer, pointer}).tokens, (Counts{6, 6}));
}

TEST(ModelBraces, OptionsAndTasksFollow) {
  const Model model = any_model();
  EXPECT_EQ(model.predict({"a", "b"}, {.task = "one", .dimensions = 4}).width, 4U);
  EXPECT_EQ(model.predict({"a", "b"}, {"one", ""}).rows, 2U);
  EXPECT_EQ(model.predict({"a", "b"}, {"one", "none"}, {.dimensions = 4}).width, 4U);
  EXPECT_EQ(model.predict({"a", "b"}, {}).rows, 2U);
  EXPECT_THROW(model.predict({"a", "b"}, {.task = "two"}), Error);
  EXPECT_THROW(model.predict({"a", "b"}, {"one"}), Error);
  EXPECT_THROW(model.predict({"a", "b"}, {"one", "two"}), Error);
}

TEST(ModelBraces, OtherTextsMeanWhatTheyDid) {
  const Model model = any_model();
  const std::vector<std::string> texts = {"a", "b c"};
  const std::vector<std::string> tasks = {"one", "none"};
  EXPECT_EQ(model.predict("a b").size(), kScriptedWidth);
  EXPECT_EQ(model.predict(texts).tokens, (Counts{3, 4}));
  EXPECT_EQ(model.predict(texts, tasks).tokens, (Counts{3, 4}));
  EXPECT_EQ(model.predict({texts.begin(), texts.begin() + 1}).tokens, (Counts{3}));
  EXPECT_EQ(model.predict({"a b c", 3}, {.dimensions = 4}).size(), 4U);  // pointer and length
}

TEST(ModelBraces, WithoutWaiting) {
  const Model model = any_model();
  std::promise<Counts> tokens;
  model.predict_async({"a", "b c"}, {"one", "none"}, {}, [&](Result<Embeddings> result) {
    tokens.set_value(result.ok() ? result.value().tokens : Counts{});
  });
  EXPECT_EQ(tokens.get_future().get(), (Counts{3, 4}));
}

// What must not compile: a list for a function of one text would be one string_view.
template <typename M>
concept EmbedsTokensOfLists = requires(const M& model) { model.tokenize_and_embed({"a", "b"}); };
template <typename M>
concept EmbedsTokensOfListsLater = requires(const M& model, typename M::TokensDone done) {
  model.tokenize_and_embed_async({"a", "b"}, {}, done);
};
template <typename M>
concept TokenizesLists = requires(const M& model) { model.tokenize({"a", "b"}); };
template <typename M>
concept TokenizesListsByOptions =
    requires(const M& model) { model.tokenize({"a", "b"}, {.add_special = false}); };
template <typename M>
concept EmbedsNumbers = requires(const M& model) { model.predict({1, 2}); };
template <typename M>
concept TakesTaskAsOptions = requires(const M& model) { model.predict({"a", "b"}, "one"); };

static_assert(!EmbedsTokensOfLists<Model>);
static_assert(!EmbedsTokensOfListsLater<Model>);
static_assert(!TokenizesLists<Model>);
static_assert(!TokenizesListsByOptions<Model>);
static_assert(!EmbedsNumbers<Model>);
static_assert(!TakesTaskAsOptions<Model>);

}  // namespace
}  // namespace nestvec
