// SPDX-License-Identifier: Apache-2.0
#include "compile/model_spec.h"

#include <gtest/gtest.h>

#include "support/checkpoint.h"
#include "support/error_of.h"
#include "support/spec_of.h"

namespace nestvec {
namespace {

TEST(ModelSpecTest, ReadsBert) {
  const ModelSpec spec =
      with(R"("model_type":"bert","layer_norm_eps":1e-12,"hidden_act":"gelu_new")");
  EXPECT_EQ(spec.family, "bert");
  EXPECT_EQ(spec.vocabulary, 100u);
  EXPECT_EQ(spec.hidden, 64u);
  EXPECT_EQ(spec.layers, 2u);
  EXPECT_EQ(spec.head_width(), 16u);
  EXPECT_EQ(spec.intermediate, 128u);
  EXPECT_EQ(spec.token_types, 2u);
  EXPECT_EQ(spec.max_positions, 130u);
  EXPECT_EQ(spec.position_offset, 0u);
  EXPECT_EQ(spec.pad_id, 0);
  EXPECT_EQ(spec.positions, PositionKind::kAbsolute);
  EXPECT_EQ(spec.activation, Activation::kGeluTanh);
  EXPECT_EQ(spec.layer_norm_eps, 1e-12f);
  EXPECT_TRUE(spec.adapters.tasks.empty());
}

TEST(ModelSpecTest, CountsXlmRobertaPositionsBehindThePadding) {
  for (const char* type : {"xlm-roberta", "roberta", "camembert"}) {
    const ModelSpec spec = with(R"("pad_token_id":1,"model_type":")" + std::string(type) + "\"");
    EXPECT_EQ(spec.family, "xlm-roberta");
    EXPECT_EQ(spec.position_offset, 2u);
    EXPECT_EQ(spec.max_positions, 128u);
    EXPECT_EQ(spec.pad_id, 1);
  }
}

const std::string kJinaKeys =
    R"("position_embedding_type":"rotary","rotary_emb_base":20000.0,"type_vocab_size":1,)"
    R"("lora_adaptations":["retrieval.query","separation"],"lora_rank":4,"lora_alpha":1,)"
    R"("task_instructions":{"retrieval.query":"Q: ","separation":""},)"
    R"("matryoshka_dimensions":[32,64],"layer_norm_eps":1e-05,"truncate_dim":null)";

TEST(ModelSpecTest, KnowsTheOriginalJinaByItsKeys) {
  for (const char* type :
       {"", R"(,"model_type":"xlm-roberta")", R"(,"architectures":["XLMRobertaLoRA"])"}) {
    const ModelSpec spec = with(kJinaKeys + type);
    EXPECT_EQ(spec.family, "jina-embeddings-v3");
    EXPECT_EQ(spec.positions, PositionKind::kRotary);
    EXPECT_EQ(spec.rotary_base, 20000.0);
    EXPECT_EQ(spec.max_positions, 130u);
    EXPECT_EQ(spec.adapters.tasks, (std::vector<std::string>{"retrieval.query", "separation"}));
    EXPECT_EQ(spec.adapters.rank, 4u);
    EXPECT_EQ(spec.adapters.scaling, 0.25f);
    EXPECT_EQ(spec.matryoshka_dimensions, (std::vector<std::size_t>{32, 64}));
  }
}

TEST(ModelSpecTest, ReadsTheNativeJina) {
  const ModelSpec spec = with(
      R"("model_type":"jina_embeddings_v3","rope_parameters":{"rope_type":"default","rope_theta":500.0})");
  EXPECT_EQ(spec.family, "jina-embeddings-v3");
  EXPECT_EQ(spec.rotary_base, 500.0);
  EXPECT_EQ(with(R"("model_type":"jina_embeddings_v3")").rotary_base, 20000.0);
  EXPECT_EQ(spec.layer_norm_eps, 1e-5f);
  EXPECT_EQ(spec.token_types, 1u);
}

TEST(ModelSpecTest, TakesAdaptersFromFoldersInTheFamilysOrder) {
  TemporaryFolder folder;
  write_text(folder / "config.json", "{" + kSizes + R"(,"model_type":"jina_embeddings_v3"})");
  for (const char* name : {"text_matching", "retrieval_query", "own_task", "separation"}) {
    write_text(folder / (std::string(name) + "/adapter_config.json"), R"({"r":2,"lora_alpha":4})");
  }
  const ModelSpec spec = read_model_spec(folder.string());
  EXPECT_EQ(spec.adapters.tasks, (std::vector<std::string>{"retrieval.query", "separation",
                                                           "text-matching", "own_task"}));
  EXPECT_EQ(spec.adapters.rank, 2u);
  EXPECT_EQ(spec.adapters.scaling, 2.0f);
  ASSERT_EQ(spec.adapters.folders.size(), 4u);
  EXPECT_EQ(spec.adapters.folders[0], (folder / "retrieval_query").string());
  write_text(folder / "separation/adapter_config.json", R"({"r":3,"lora_alpha":4.5})");
  EXPECT_EQ(read_model_spec(folder.string()).adapters.rank, 3u);
  write_text(folder / "separation/adapter_config.json",
             R"({"r":3,"lora_alpha":4.5,"rank_pattern":{"query":5,"key":4}})");
  EXPECT_EQ(read_model_spec(folder.string()).adapters.rank, 5u);
}

// Sizes of jina-embeddings-v5-text's two configurations, which name the same family.
TEST(ModelSpecTest, TellsTheBodiesOfV5Apart) {
  const std::string v5 =
      R"("architectures":["JinaEmbeddingsV5Model"],"model_type":"jina_embeddings_v5",)"
      R"("task_names":["retrieval","clustering"],"rope_theta":1000000.0)";
  const ModelSpec nano = with(v5 + R"(,"head_dim":null,"rms_norm_eps":1e-05)");
  EXPECT_EQ(nano.family, "jina-embeddings-v5");
  EXPECT_FALSE(nano.block.causal);
  EXPECT_FALSE(nano.block.head_norms);
  EXPECT_EQ(nano.layer_norm_eps, 1e-5f);
  EXPECT_EQ(nano.rotary_base, 1e6);
  EXPECT_EQ(nano.matryoshka_dimensions, (std::vector<std::size_t>{32, 64}));
  EXPECT_EQ(nano.adapters.tasks, (std::vector<std::string>{"retrieval", "clustering"}));
  const ModelSpec small = with(v5 + R"(,"head_dim":32,"num_key_value_heads":2)");
  EXPECT_TRUE(small.block.causal);
  EXPECT_TRUE(small.block.head_norms);
  EXPECT_EQ(small.head_width(), 32u);
  EXPECT_EQ(small.kv_heads(), 2u);
  EXPECT_EQ(small.layer_norm_eps, 1e-6f);
}

// As in transformers, which looks at the architecture only to choose a head.
TEST(ModelSpecTest, TheTypeDecidesBeforeTheArchitecture) {
  const auto family = [](const std::string& keys) { return with(keys).family; };
  EXPECT_EQ(family(R"("model_type":"qwen3","architectures":["EuroBertModel"])"), "qwen3");
  EXPECT_EQ(family(R"("model_type":"bert","architectures":["DistilBertModel"])"), "bert");
  EXPECT_EQ(family(R"("architectures":["Qwen3ForCausalLM"])"), "qwen3");
  EXPECT_NE(complaint(R"("model_type":"qwen3_moe","architectures":["Qwen3MoeForCausalLM"])")
                .find("qwen3_moe"),
            std::string::npos);
  // Keys that other families have, too, do not make jina-embeddings-v3 of a folder.
  EXPECT_NE(complaint(R"("rope_parameters":{"rope_theta":10000.0})").find("is not supported"),
            std::string::npos);
}

TEST(ModelSpecTest, TheBaseOfRotationIsTransformersOwnOrAsked) {
  EXPECT_EQ(with(R"("model_type":"qwen3")").rotary_base, 10000.0);
  EXPECT_NE(complaint(kSizes + R"(,"model_type":"eurobert")").find("\"rope_theta\" is missing"),
            std::string::npos);
}

TEST(ModelSpecTest, NoPaddingIsMinusOne) {
  EXPECT_EQ(with(R"("model_type":"bert","pad_token_id":-1)").pad_id, 0);
  EXPECT_EQ(with(R"("model_type":"xlm-roberta","pad_token_id":-1)").position_offset, 0u);
  EXPECT_NE(complaint(kSizes + R"(,"model_type":"bert","pad_token_id":-2)")
                .find("is not a token of the vocabulary"),
            std::string::npos);
}

// Frequencies and factors of transformers 5.23's ROPE_INIT_FUNCTIONS, of heads of 16.
TEST(ModelSpecTest, ScaledFrequenciesAreThoseOfTransformers) {
  struct Scaling {
    std::string rope;
    std::vector<float> frequencies;
    float magnitude;
  };
  const std::vector<Scaling> all = {
      {R"({"rope_type":"yarn","factor":4.0,"original_max_position_embeddings":32})",
       {1.0f, 0.197642356f, 0.0250000004f, 0.00790569466f, 0.00249999994f, 0.000790569466f,
        0.000250000012f, 7.90569466e-05f},
       1.13862944f},
      {R"({"rope_type":"llama3","factor":8.0,"low_freq_factor":1.0,"high_freq_factor":4.0,"original_max_position_embeddings":64})",
       {1.0f, 0.244384587f, 0.0130422562f, 0.00395284733f, 0.00124999997f, 0.000395284733f,
        0.000125000006f, 3.95284733e-05f},
       1.0f},
      {R"({"rope_type":"longrope","factor":2.0,"short_factor":[1.0,1.5,2.0,2.5,3.0,3.5,4.0,4.5],"original_max_position_embeddings":130})",
       {1.0f, 0.210818499f, 0.0500000007f, 0.0126491114f, 0.00333333341f, 0.000903507927f,
        0.000250000012f, 7.02728357e-05f},
       1.06883212f},
  };
  for (const auto& [rope, frequencies, magnitude] : all) {
    const ModelSpec spec =
        with(R"("model_type":"qwen3","head_dim":16,"rope_theta":10000.0,"rope_scaling":)" + rope);
    ASSERT_EQ(spec.rotary_frequencies.size(), frequencies.size()) << rope;
    for (std::size_t i = 0; i < frequencies.size(); ++i) {
      EXPECT_FLOAT_EQ(spec.rotary_frequencies[i], frequencies[i]) << rope << " " << i;
    }
    EXPECT_FLOAT_EQ(spec.rotary_magnitude, magnitude) << rope;
  }
  const ModelSpec plain =
      with(R"("model_type":"qwen3","rope_scaling":{"type":"dynamic","factor":4})");
  EXPECT_TRUE(plain.rotary_frequencies.empty());
  EXPECT_EQ(plain.rotary_divisor, 1.0);
}

TEST(ModelSpecTest, V5WithoutItsAdaptersIsRefused) {
  TemporaryFolder folder;
  write_text(folder / "config.json",
             "{" + kSizes +
                 R"(,"model_type":"jina_embeddings_v5","task_names":["retrieval"],)"
                 R"("rope_theta":1e6})");
  const std::string error =
      error_of([&] { read_model_spec(folder.string()); }, ErrorCode::kNotFound);
  EXPECT_NE(error.find("expected a folder for each under adapters/"), std::string::npos) << error;
}

TEST(ModelSpecTest, NamesTheListedAdapterThatHasNoFolder) {
  TemporaryFolder folder;
  write_text(folder / "config.json", "{" + kSizes + "," + kJinaKeys + "}");
  EXPECT_TRUE(read_model_spec(folder.string()).adapters.folders.empty());
  write_text(folder / "separation/adapter_config.json", R"({"r":4,"lora_alpha":1})");
  const std::string error = error_of([&] { read_model_spec(folder.string()); });
  EXPECT_NE(error.find("no adapter folder for retrieval.query"), std::string::npos) << error;
}

TEST(ModelSpecTest, RefusesWhatItCannotCompute) {
  const auto refused = [](const std::string& members, const std::string& part) {
    const std::string text = complaint(kSizes + "," + members);
    EXPECT_NE(text.find("UNIMPLEMENTED config.json"), std::string::npos) << text;
    EXPECT_NE(text.find(part), std::string::npos) << text;
  };
  refused(R"("model_type":"t5")", "model_type \"t5\"");
  refused(R"("architectures":["LlamaModel"])", "architecture \"LlamaModel\"");
  refused(R"("unrelated":1)", "bert, jina-embeddings-v3, xlm-roberta, roberta, camembert");
  refused(R"("model_type":"bert","position_embedding_type":"relative_key")", "relative_key");
  refused(R"("model_type":"bert","position_embedding_type":"rotary")", "rotary");
  refused(R"("model_type":"bert","hidden_act":"mish")", "hidden_act: \"mish\"");
  refused(R"("model_type":"bert","head_dim":8)", "head_dim");
  refused(R"("model_type":"bert","is_decoder":true)", "is_decoder");
  refused(R"("model_type":"bert","add_cross_attention":true)", "add_cross_attention");
  refused(R"("model_type":"bert","feed_forward_type":"geglu")", "feed_forward_type: \"geglu\"");
  refused(R"("model_type":"bert","quantization_config":{"bits":4})", "quantization_config");
  refused(R"("model_type":"jina_embeddings_v3","rope_parameters":{"rope_type":"yarn"})", "yarn");
  refused(kJinaKeys + R"(,"rope_scaling":{"factor":2})", "rope_scaling");
}

std::string frame_of_types(int text, int behind) {
  return R"({"post_processor": {"type": "TemplateProcessing", "special_tokens": {"<": {"ids": [0]}},
    "single": [{"Sequence": {"id": "A", "type_id": )" +
         std::to_string(text) + R"(}}, {"SpecialToken": {"id": "<", "type_id": )" +
         std::to_string(behind) + "}}]}}";
}

TEST(ModelSpecTest, TakesTokenTypesFromTheTokenizer) {
  TemporaryFolder folder;
  const std::string bert = "{" + kSizes + R"(,"model_type":"bert")";
  write_text(folder / "config.json", bert + "}");
  EXPECT_FALSE(read_model_spec(folder.string()).text_types.any());
  write_text(folder / "tokenizer.json", frame_of_types(1, 0));
  EXPECT_EQ(read_model_spec(folder.string()).text_types, (TokenTypes{{}, 1, {0}}));
  write_text(folder / "tokenizer_config.json", R"({"model_input_names": ["input_ids"]})");
  EXPECT_FALSE(read_model_spec(folder.string()).text_types.any());
  std::filesystem::remove(folder / "tokenizer_config.json");
  write_text(folder / "tokenizer.json", frame_of_types(0, 2));
  EXPECT_THROW(read_model_spec(folder.string()), Error);
  write_text(folder / "config.json", bert + R"(,"type_vocab_size":3})");
  EXPECT_EQ(read_model_spec(folder.string()).text_types.largest(), 2u);
}

TEST(ModelSpecTest, SizesMayBeWrittenWithAFraction) {
  const ModelSpec spec = with(R"("model_type":"bert","type_vocab_size":3.0,"pad_token_id":1.0)");
  EXPECT_EQ(spec.token_types, 3u);
  EXPECT_EQ(spec.pad_id, 1);
}

TEST(ModelSpecTest, NamesTheKeyAtFault) {
  const std::string type = R"("model_type":"bert",)";
  const auto without = [&](const std::string& key) {
    std::string members = type + kSizes;
    const std::size_t place = members.find("\"" + key + "\"");
    members.replace(place, key.size() + 2, "\"unused_" + key + "\"");
    return complaint(members);
  };
  for (const char* key : {"vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads",
                          "intermediate_size", "max_position_embeddings"}) {
    EXPECT_EQ(without(key),
              "INVALID_ARGUMENT config.json: \"" + std::string(key) + "\" is missing");
  }
  const auto blames = [&](const std::string& members, const std::string& key) {
    const std::string text = complaint(members);
    EXPECT_TRUE(text.starts_with("INVALID_ARGUMENT config.json: " + key + ":")) << text;
  };
  blames(type + R"("vocab_size":"many")", "vocab_size");
  blames(type + R"("vocab_size":0)", "vocab_size");
  blames(type + R"("vocab_size":-5)", "vocab_size");
  blames(type + R"("vocab_size":1e18)", "vocab_size");
  blames(type + kSizes + R"(,"layer_norm_eps":-1)", "layer_norm_eps");
  blames(type + kSizes + R"(,"pad_token_id":100)", "pad_token_id");
  blames(type + kSizes + R"(,"hidden_act":3)", "hidden_act");
  blames(kSizes + R"(,"lora_adaptations":["a"],"lora_rank":0,"lora_alpha":1)", "lora_rank");
  blames(kSizes + R"(,"lora_adaptations":"a")", "lora_adaptations");
  blames(kSizes + R"(,"lora_adaptations":[1])", "lora_adaptations[0]");
  blames(type + kSizes + R"(,"matryoshka_dimensions":[32,65])", "matryoshka_dimensions[1]");
}

TEST(ModelSpecTest, RefusesHeadsThatDoNotFit) {
  std::string members = R"("model_type":"bert",)" + kSizes;
  members.replace(members.find("heads\":4"), 8, "heads\":5");
  EXPECT_NE(complaint(members).find("5 heads do not divide hidden_size 64"), std::string::npos);
}

TEST(ModelSpecTest, SaysWhenThereIsNoConfig) {
  TemporaryFolder folder;
  const std::string error = coded_error_of([&] { read_model_spec(folder.string()); });
  EXPECT_TRUE(error.starts_with("NOT_FOUND")) << error;
  EXPECT_NE(error.find("config.json"), std::string::npos) << error;
}

}  // namespace
}  // namespace nestvec
