// SPDX-License-Identifier: Apache-2.0
// Inputs in the forms that clients send them.
#include "dialects/inputs.h"

#include <limits>

#include "dialects/not_done.h"
#include "output/vector.h"
#include "service/model_name.h"

namespace nestvec {
namespace {

using Kind = JsonValue::Kind;

constexpr std::string_view kForAll = "it is one for all texts: write it beside them";
constexpr NotDone kNotOfItems[] = {
    {"dimensions", kForAll, is_never},
    {"prompt", "write it in front of the text, or name the text's task", is_empty},
    {"prompt_name", "name the text's `task` instead", is_empty},
};

RequestError empty_input(std::string_view param) {
  return {ErrorCode::kInvalidArgument,
          std::string(param) + " is empty; send a text of at least one character",
          std::string(param), Fault::kEmpty};
}

RequestError wrong_type(const std::string& param) {
  return {ErrorCode::kInvalidArgument,
          param + ": expected a string, {\"text\": ...} or a list of token ids", param};
}

// Ids of a client's own tokenizer mostly lie within this model's vocabulary, too.
RequestError refused_ids(const std::string& param) {
  return {ErrorCode::kInvalidArgument,
          param +
              ": token ids are not accepted, because ids of another tokenizer give meaningless "
              "vectors; send text (LangChain: check_embedding_ctx_length=False), or set "
              "server.token_ids: accept if the ids come from this model's own tokenizer",
          param, Fault::kBadRequest};
}

class InputReader {
 public:
  InputReader(std::string_view param, const InputRules& rules, EmbedCall& call)
      : param_(param), rules_(rules), call_(call) {}

  void read(const JsonValue& value) {
    if (value.kind() != Kind::kArray) {
      read_item(value, param_);
      return;
    }
    const std::size_t count = value.size();
    if (count == 0) throw empty_input(param_);
    // An array of integers is one text; only the first element needs to be looked at.
    bool ids = false;
    bool first = true;
    value.for_each_element([&](const auto& element) {
      if (first) ids = element.is_number();
      first = false;
    });
    if (ids) {
      push(decode(value, param_), "");
      return;
    }
    // Before the elements are looked at: a million of them cost nothing.
    if (count > rules_.max_inputs) {
      throw RequestError(ErrorCode::kInvalidArgument,
                         param_ + " has " + std::to_string(count) + " items, at most " +
                             std::to_string(rules_.max_inputs) + " are accepted in a request",
                         param_);
    }
    const std::vector<JsonValue> items = value.elements();
    call_.texts.reserve(items.size());
    for (std::size_t i = 0; i < items.size(); ++i) {
      read_item(items[i], param_ + "[" + std::to_string(i) + "]");
    }
  }

 private:
  void read_item(const JsonValue& value, const std::string& param) {
    switch (value.kind()) {
      case Kind::kString:
        add(std::string(value.string()), "", param);
        break;
      case Kind::kArray:
        push(decode(value, param), "");
        break;
      case Kind::kObject:
        read_object(value, param);
        break;
      default:
        throw wrong_type(param);
    }
  }

  void read_object(const JsonValue& value, const std::string& param) {
    const std::optional<std::string_view> text = string_member(value, "text");
    if (!text) {
      throw RequestError(ErrorCode::kInvalidArgument,
                         param + ": \"text\" is missing; this model reads texts", param);
    }
    refuse_not_done(value, rules_.model, kNotOfItems);
    const std::string_view task = string_member(value, "task").value_or("");
    add(std::string(*text), resolve_task(task, rules_.model, param + ".task"), param);
  }

  std::string decode(const JsonValue& value, const std::string& param) {
    std::vector<std::uint32_t> ids;
    value.for_each_element([&](const auto& element) {
      const std::optional<std::int64_t> id = whole_number(element);
      if (!id) throw wrong_type(param);
      if (!rules_.token_ids) throw refused_ids(param);
      if (*id < 0 || static_cast<std::uint64_t>(*id) >= rules_.model.vocabulary) {
        throw unknown_token(*id, param);
      }
      ids.push_back(static_cast<std::uint32_t>(*id));
    });
    if (ids.empty()) throw empty_input(param);
    try {
      return rules_.decode(ids);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kInvalidArgument) throw;
      throw RequestError(error.code(), param + ": " + error.what(), param);
    }
  }

  RequestError unknown_token(std::int64_t id, const std::string& param) const {
    return {ErrorCode::kInvalidArgument,
            param + ": token " + std::to_string(id) + " is not in the model's vocabulary of " +
                std::to_string(rules_.model.vocabulary) +
                "; send texts, or ids of the model's own tokenizer (with LangChain: "
                "check_embedding_ctx_length=False)",
            param};
  }

  void add(std::string text, std::string task, const std::string& param) {
    if (text.empty()) throw empty_input(param);
    push(std::move(text), std::move(task));
  }

  // Ids of special tokens alone are a text without characters.
  void push(std::string text, std::string task) {
    call_.texts.push_back(std::move(text));
    if (!task.empty()) call_.tasks.resize(call_.texts.size() - 1);
    if (!task.empty() || !call_.tasks.empty()) call_.tasks.push_back(std::move(task));
  }

  const std::string param_;
  const InputRules& rules_;
  EmbedCall& call_;
};

}  // namespace

Truncation overlong_of(const ServerOptions& options) {
  return options.overlong == "refuse" ? Truncation::kError : Truncation::kRight;
}

InputRules input_rules(const Service& service, const RunControl& control) {
  DecodeOptions options{.stop = control.stop, .deadline = control.deadline};
  const ServerOptions& server = service.options;
  return {service.model.info(),
          server.max_inputs,
          [&model = service.model, options = std::move(options)](
              std::span<const std::uint32_t> ids) { return model.decode(ids, options); },
          server.token_ids == "accept",
          server.strict_model,
          overlong_of(server),
          service.aliases};
}

std::string_view model_member(const JsonValue& body) {
  return string_member(body, "model").value_or("");
}

std::string task_of_model(const JsonValue& body, const InputRules& rules) {
  const auto name = string_member(body, "model");
  return name ? task_of_name(*name, rules.model, rules.strict_model, "model", rules.aliases) : "";
}

InputRules input_rules(const Exchange& exchange) {
  return input_rules(exchange.service, control_of(exchange));
}

void read_inputs(const JsonValue& value, std::string_view param, const InputRules& rules,
                 EmbedCall& call) {
  call.param = param;
  InputReader(param, rules, call).read(value);
}

std::string with_prompt_name(std::string task, const JsonValue& body, const ModelInfo& model) {
  constexpr std::string_view kMember = "prompt_name";
  std::string prompt = resolve_prompt(string_member(body, kMember).value_or(""), model, kMember);
  if (!prompt.empty() && !task.empty() && prompt != task) {
    throw RequestError(ErrorCode::kInvalidArgument,
                       "`prompt_name` means the task " + prompt + ", and the request names " +
                           task + ": a prompt belongs to its task, so give one of them",
                       std::string(kMember), Fault::kUnprocessable);
  }
  if (task.empty()) return prompt;
  return task;
}

std::string read_instruction(const JsonValue& body) {
  constexpr std::size_t kMostBytes = 4096;
  std::optional<std::string_view> found;
  for (const std::string_view name : {"instruction", "instruct"}) {
    const auto value = string_member(body, name);
    if (!value) continue;
    if (value->size() > kMostBytes) {
      throw RequestError(ErrorCode::kInvalidArgument,
                         std::string(name) + " has " + std::to_string(value->size()) +
                             " bytes; at most " + std::to_string(kMostBytes) + " are read",
                         std::string(name));
    }
    if (found) require_agreement(*value, name, *found, "instruction");
    found = value;
  }
  return std::string(found.value_or(""));
}

std::size_t read_dimensions(const JsonValue& value, const ModelInfo& model,
                            std::string_view param) {
  const std::int64_t dimensions = read_integer(value);
  const std::size_t most = most_dimensions(model);
  if (dimensions < 1 || static_cast<std::uint64_t>(dimensions) > most) {
    throw RequestError(ErrorCode::kInvalidArgument,
                       std::string(param) + " is " + std::to_string(dimensions) +
                           "; this model gives 1 to " + std::to_string(most),
                       std::string(param));
  }
  return static_cast<std::size_t>(dimensions);
}

}  // namespace nestvec
