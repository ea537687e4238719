// SPDX-License-Identifier: Apache-2.0
// How a language model that scores pairs wants a query and a document to be laid out.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nestvec {

// A piece of what is laid out: fixed text, or what the message of a role says.
struct TemplatePart {
  std::string role;  // empty: `text` as it stands
  std::string text;  // of a role: what stands there without such a message

  friend bool operator==(const TemplatePart&, const TemplatePart&) = default;
};

// Reads a chat template in Jinja, of which these forms are known, with white space as transformers
// renders it:
//   {%- set NAME = EXPRESSION -%}   {{ EXPRESSION }}   {# ... #}
// where an EXPRESSION is a NAME or
//   messages | selectattr("role", "eq", "ROLE") | map(attribute="content") | first | default("...")
// with or without the default. Takes 64 KiB and 256 tags. Throws Error kUnimplemented for anything
// else, with what it is.
std::vector<TemplatePart> parse_chat_template(std::string_view source);

// A template with a place for a document behind one for a query, and for an instruction. What
// stands before the document ends with a space, which belongs to the document: a tokenizer of words
// with the spaces before them joins the two.
struct PairTemplate {
  std::vector<TemplatePart> head;  // roles "system" and "query" and the texts around them
  std::string tail;                // behind the document
  std::string instruction;         // where none is given; empty: what `head` has

  // All that stands before the space of the document.
  std::string head_of(std::string_view query, std::string_view given) const;
};

// Throws Error kUnimplemented for a template of another form; nullopt where it has no place for a
// query and a document.
std::optional<PairTemplate> parse_pair_template(std::string_view source);

}  // namespace nestvec
