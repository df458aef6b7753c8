#pragma once

#include <memory>
#include <string>
#include <string_view>

struct List;

namespace stepgate::policies::postgres
{

/// One parse by PostgreSQL's own parser (libpg_query). The tree lives as long as the object; objects of one thread must
/// end in the reverse order of their making. Depth of nesting is bounded by the parser's own stack, size is not.
class RawParse
{
  public:
    RawParse(std::string_view sql, bool standard_conforming_strings);
    ~RawParse();
    RawParse(const RawParse&) = delete;
    RawParse& operator=(const RawParse&) = delete;

    [[nodiscard]] bool good() const { return error_.empty(); }
    [[nodiscard]] const std::string& error() const { return error_; } ///< "syntax error, at character 7"; no literals
    [[nodiscard]] const ::List* statements() const { return tree_; }  ///< of RawStmt

  private:
    std::string text_; // the parser wants a terminated string
    void* context_ = nullptr;
    const ::List* tree_ = nullptr;
    std::string error_;
};

} // namespace stepgate::policies::postgres
