// SPDX-License-Identifier: Apache-2.0
// Inputs and outputs of Clarifai's predictions, in the forms that its SDKs have had. No transport
// and no model is needed.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "clarifai.pb.h"
#include "dialects/clarifai/clarifai_model.h"
#include "service/embed_call.h"

namespace nestvec {

// One input of a request.
struct ClarifaiInput {
  enum class Answer {
    kSignatures,  // no text: the SDK asks which methods there are
    kEmbedding,   // `data.embeddings`, for raw inputs
    kOne,         // a list of floats
    kMany,        // a list of lists of floats
    kOpenAi,      // JSON as OpenAI's route answers it
  };
  Answer answer = Answer::kEmbedding;
  EmbedCall call;           // not of kSignatures and kOpenAi
  std::string openai_body;  // of kOpenAi: as of POST /v1/embeddings
};

// What came of it.
struct ClarifaiResult {
  Embeddings rows;
  std::string text;  // of kSignatures and kOpenAi
};

// What reading needs to know.
struct ClarifaiRules {
  const ModelInfo& info;
  ClarifaiVariant variant;
  std::size_t max_texts;
  Truncation overlong = Truncation::kRight;  // server.overlong: requests cannot say
};

// Reads an input: a call of the method that `_method_name` in its metadata names, with arguments in
// `parts`; without one, `text.raw` with `params` ("task", "dimensions"; others that would change
// the vector are refused, and the rest, for other kinds of models, is ignored). Throws Error:
// kInvalidArgument naming the argument, kUnimplemented for a text that would have to be fetched and
// for other data.
ClarifaiInput read_input(const clarifai::api::Input& input, const google::protobuf::Struct& params,
                         const ClarifaiRules& rules);

// How a value of the type JSON_DATA travels: SDKs from 11.10.3 on read a Struct, older ones JSON in
// a string.
enum class JsonCarrier { kStruct, kString, kBoth };

// By the SDK's name and version ("sdk-python-12.5.0"); kBoth for a name that says nothing.
JsonCarrier json_carrier(std::string_view sdk);

// Fills the answer to an input out of its result.
struct ClarifaiForm {
  ClarifaiVariant variant = ClarifaiVariant::kBoth;
  JsonCarrier carrier = JsonCarrier::kBoth;
};
void write_output(const ClarifaiInput& input, const ClarifaiResult& result,
                  const ClarifaiForm& form, clarifai::api::Output* output);

}  // namespace nestvec
