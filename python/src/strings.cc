// SPDX-License-Identifier: Apache-2.0
#include "strings.h"

#include <nanobind/stl/string.h>

namespace nb = nanobind;

namespace nestvec {
namespace {

std::string bytes_of(const nb::object& bytes) {
  char* data = nullptr;
  Py_ssize_t size = 0;
  if (PyBytes_AsStringAndSize(bytes.ptr(), &data, &size) != 0) throw nb::python_error();
  return {data, static_cast<std::size_t>(size)};
}

nb::object checked(PyObject* owned) {
  if (owned == nullptr) throw nb::python_error();
  return nb::steal(owned);
}

// Through UTF-16, whose decoder joins what belongs together and replaces what stands alone.
std::string repaired_utf8(nb::handle text) {
  constexpr const char* kCodec = "utf-16-le";
  const nb::object pairs = checked(PyUnicode_AsEncodedString(text.ptr(), kCodec, "surrogatepass"));
  const std::string raw = bytes_of(pairs);
  const nb::object decoded =
      checked(PyUnicode_Decode(raw.data(), static_cast<Py_ssize_t>(raw.size()), kCodec, "replace"));
  return bytes_of(checked(PyUnicode_AsUTF8String(decoded.ptr())));
}

// A value of Apache Arrow.
std::string utf8_of_scalar(nb::handle scalar, const std::string& name) {
  const nb::object value = scalar.attr("as_py")();
  if (value.is_none()) {
    throw nb::type_error((name + " is null; leave such rows out, or fill them").c_str());
  }
  return utf8_of(value, name);
}

}  // namespace

std::string utf8_of(nb::handle object, const std::string& name) {
  if (!PyUnicode_Check(object.ptr())) {
    if (nb::hasattr(object, "as_py")) return utf8_of_scalar(object, name);
    const auto type = nb::cast<std::string>(object.type().attr("__name__"));
    throw nb::type_error((name + " is of type " + type + "; expected str").c_str());
  }
  PyObject* bytes = PyUnicode_AsUTF8String(object.ptr());
  if (bytes != nullptr) return bytes_of(nb::steal(bytes));
  if (PyErr_ExceptionMatches(PyExc_UnicodeEncodeError) == 0) throw nb::python_error();
  PyErr_Clear();
  return repaired_utf8(object);
}

std::vector<std::pair<std::size_t, std::size_t>> code_point_ranges(
    std::string_view text, const std::vector<std::pair<std::uint32_t, std::uint32_t>>& bytes) {
  // places[i] = code points that begin before byte i
  std::vector<std::size_t> places(text.size() + 1);
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool begins = (static_cast<unsigned char>(text[i]) & 0xC0U) != 0x80U;
    places[i + 1] = places[i] + (begins ? 1 : 0);
  }
  std::vector<std::pair<std::size_t, std::size_t>> ranges;
  ranges.reserve(bytes.size());
  for (const auto& [begin, end] : bytes) ranges.emplace_back(places[begin], places[end]);
  return ranges;
}

}  // namespace nestvec
