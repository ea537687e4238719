// SPDX-License-Identifier: Apache-2.0
// Who the model is, what the machine gives it and where it comes from, as part of the table in
// config/fields.h.
#pragma once

#include "config/field.h"

namespace nestvec {

template <typename Section, typename Visitor>
void visit_model_fields(Section& model, Visitor& visit) {
  visit(Field{"model", "id", "model-id", FieldKind::kText,
              "Name of the model that clients see; if empty, the last part of repo_id."},
        model.id);
  visit(Field{"model", "user_id", "user-id", FieldKind::kText,
              "Owner of the model, for Clarifai's clients."},
        model.user_id);
  visit(Field{"model", "app_id", "app-id", FieldKind::kText,
              "Application that the model belongs to, for Clarifai's clients."},
        model.app_id);
  visit(Field{"model", "model_type_id", "model-type-id", FieldKind::kText,
              "Type of the model, for Clarifai's clients."},
        model.model_type_id);
}

template <typename Section, typename Visitor>
void visit_compute_fields(Section& compute, Visitor& visit) {
  visit(Field{"inference_compute_info", "cpu_limit", "cpu-limit", FieldKind::kCores,
              "Use at most this many cores, such as \"2\" or \"500m\". 0 uses what CPU affinity, "
              "the cgroup quota and the physical cores allow."},
        compute.cpu_limit);
  visit(Field{"inference_compute_info", "cpu_memory", "cpu-memory", FieldKind::kBytes,
              "Memory budget, such as 5Gi. A model whose memory plan exceeds it is refused. 0 "
              "means no budget."},
        compute.cpu_memory_bytes);
  visit(Field{"inference_compute_info",
              "num_accelerators",
              "num-accelerators",
              FieldKind::kCount,
              "Number of accelerators. None is supported yet; the CPU computes.",
              {},
              1024},
        compute.num_accelerators);
}

template <typename Section, typename Visitor>
void visit_checkpoint_fields(Section& source, Visitor& visit) {
  visit(Field{"checkpoints",
              "type",
              "checkpoint-type",
              FieldKind::kChoice,
              "Where the weights come from.",
              {"huggingface"}},
        source.type);
  visit(Field{"checkpoints", "repo_id", "repo-id", FieldKind::kText,
              "The model: a folder, OWNER/NAME or OWNER/NAME@REVISION of the hub, or the short "
              "name of a model on this machine. If empty, the command uses $NESTVEC_MODEL, then "
              "the small default model."},
        source.repo_id);
  visit(Field{"checkpoints", "hf_token", "hf-token", FieldKind::kSecret,
              "Access token of the hub. If empty, $HF_TOKEN, then the token file of the Hugging "
              "Face command line."},
        source.hf_token);
  visit(Field{"checkpoints", "pull", "pull", FieldKind::kSwitch,
              "Download the model from the hub if it is not on this machine."},
        source.pull);
  visit(Field{"checkpoints", "adapters", "adapters", FieldKind::kPrompts,
              "Folders of LoRA adapters, as PEFT writes them, by names. Each is a task of that "
              "name on the model; base is the model without any."},
        source.adapters);
}

}  // namespace nestvec
