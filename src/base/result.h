// SPDX-License-Identifier: Apache-2.0
// Errors as values. A function that can fail returns Result<T>; `what` tells the reader what to do.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <expected>
#include <string>
#include <utility>

namespace sealane {

enum class Code : unsigned char {
  invalid,      // the input is wrong and will stay wrong
  not_found,    // no such thing
  conflict,     // the state of the world forbids it
  timeout,      // it took too long
  unavailable,  // it may work later or elsewhere (refused, reset, down)
  limit,        // a named bound was reached
  corrupt,      // bytes that we wrote ourselves do not read back
};

constexpr const char* name(Code code) {
  switch (code) {
    case Code::invalid: return "invalid";
    case Code::not_found: return "not_found";
    case Code::conflict: return "conflict";
    case Code::timeout: return "timeout";
    case Code::unavailable: return "unavailable";
    case Code::limit: return "limit";
    case Code::corrupt: return "corrupt";
  }
  return "?";
}

struct Error {
  Code code = Code::invalid;
  std::string what;
};

template <typename T>
using Result = std::expected<T, Error>;
using Status = Result<void>;

inline std::unexpected<Error> fail(Code code, std::string what) {
  return std::unexpected(Error{code, std::move(what)});
}

[[noreturn]] inline void assert_failed(const char* text, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: assertion failed: %s\n", file, line, text);
  std::abort();
}

}  // namespace sealane

// Our own mistakes, in every build. Input from outside is answered, never asserted.
#define SL_ASSERT(x) ((x) ? void(0) : ::sealane::assert_failed(#x, __FILE__, __LINE__))

#define SL_CONCAT_(a, b) a##b
#define SL_CONCAT(a, b) SL_CONCAT_(a, b)
#define SL_TRY_(var, lhs, expr)                              \
  auto var = (expr);                                         \
  if (!var) return std::unexpected(std::move(var).error());  \
  lhs = std::move(*var)
// SL_TRY(auto x, f()): x is f()'s value, or this function returns f()'s error.
#define SL_TRY(lhs, expr) SL_TRY_(SL_CONCAT(sl_try_, __LINE__), lhs, expr)
// SL_CHECK(f()): go on when f() succeeded, or return its error.
#define SL_CHECK(expr)                                                                    \
  if (auto SL_CONCAT(sl_ok_, __LINE__) = (expr); !SL_CONCAT(sl_ok_, __LINE__))            \
  return std::unexpected(std::move(SL_CONCAT(sl_ok_, __LINE__)).error())
