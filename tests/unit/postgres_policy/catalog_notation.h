#pragma once

#include "policies/catalog/catalog.h"

#include <memory>
#include <string>
#include <string_view>

namespace stepgate::tests
{

/// A catalog from lines that a SQL engineer can read (tests/cases/postgres/README.md).
class CatalogNotation
{
  public:
    CatalogNotation();
    /// One line without its "@"; false: not a line about the catalog. `problem` says what is wrong with it.
    bool take(const std::string& line, std::string& problem);
    [[nodiscard]] std::shared_ptr<const policies::catalog::Catalog> made();

  private:
    using Oid = policies::catalog::Oid;
    [[nodiscard]] Oid type(const std::string& name);
    policies::catalog::Relation& relation(const std::string& name);
    void relation_line(policies::catalog::RelationKind kind, std::string_view rest);
    void child_line(std::string_view rest);
    void function_line(policies::catalog::FunctionKind kind, std::string_view rest);
    void trigger_line(std::string_view rest);
    void references_line(std::string_view rest);
    void expression_line(const std::string& word, std::string_view rest);
    void type_line(const std::string& word, std::string_view rest);
    void operator_line(std::string_view rest);
    void cast_line(std::string_view rest);
    void event_trigger_line(std::string_view rest);
    void owner_line(std::string_view rest);

    policies::catalog::Contents contents_;
    std::shared_ptr<const policies::catalog::Catalog> made_;
    Oid next_ = 16384;
    std::string problem_;
};

} // namespace stepgate::tests
