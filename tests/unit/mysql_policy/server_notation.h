#pragma once

#include "policies/catalog/catalog.h"

#include <memory>
#include <string>
#include <string_view>

namespace stepgate::tests
{

/// The catalog of a MySQL or MariaDB server from lines that a SQL engineer can read (tests/cases/mysql/README.md).
class ServerNotation
{
  public:
    ServerNotation(bool mariadb, unsigned version);
    /// One line without its "@"; false: not a line about the catalog.
    bool take(const std::string& line);
    [[nodiscard]] std::shared_ptr<const policies::catalog::Catalog> made();

  private:
    policies::catalog::Relation& relation(std::string_view name);
    void relation_line(policies::catalog::RelationKind kind, const std::string& rest);
    void trigger_line(const std::string& rest);
    void program_line(policies::catalog::FunctionKind kind, const std::string& rest);
    void references_line(const std::string& rest);
    void databases_line(const std::string& rest);
    void column_line(const std::string& rest);

    policies::catalog::Contents contents_;
    std::shared_ptr<const policies::catalog::Catalog> made_;
};

} // namespace stepgate::tests
