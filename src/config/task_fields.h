// SPDX-License-Identifier: Apache-2.0
// The keys of `runtime:` about tasks and their prompts, as part of the table in config/fields.h.
#pragma once

#include "config/field.h"

namespace nestvec {

template <typename Section, typename Visitor>
void visit_task_fields(Section& runtime, Visitor& visit) {
  visit(
      Field{
          "runtime", "default_task", "default-task", FieldKind::kText,
          "Task of requests that name no task: any name of a task of the model, or none. If empty, "
          "default_prompt_name of the model's files, else text-matching if the model has it, "
          "else none."},
      runtime.default_task);
  visit(
      Field{"runtime", "prompts", "prompts", FieldKind::kPrompts,
            "Prompts by task. They replace the model's own prompts for these tasks. In YAML, quote "
            "a prompt that ends in a space."},
      runtime.prompts);
  visit(Field{"runtime", "query_prompt", "query-prompt", FieldKind::kText,
              "Prompt of queries, such as `query: ` with its space. If empty, the model's own."},
        runtime.query_prompt);
  visit(Field{"runtime", "document_prompt", "document-prompt", FieldKind::kText,
              "Prompt of documents, such as `passage: `. If empty, the model's own."},
        runtime.document_prompt);
  visit(
      Field{"runtime", "builtin_prompts", "builtin-prompts", FieldKind::kSwitch,
            "Use the known prompts of well-known models (E5, BGE, Nomic, Arctic, mxbai, UAE) whose "
            "folders store none. Only texts that name a task get them."},
      runtime.builtin_prompts);
}

}  // namespace nestvec
