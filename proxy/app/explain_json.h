#pragma once

#include "policies/rules/verdict.h"
#include "policies/statement/facts.h"

#include <boost/json/object.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stepgate::proxy::app
{

/// The "facts" and "verdict" of a line that `stepgate explain` prints; keys in the documented order.
[[nodiscard]] boost::json::object to_json(const policies::statement::Facts& facts);
[[nodiscard]] boost::json::object to_json(const policies::rules::Verdict& verdict);

/// One line of input, decoded.
struct ExplainRequest {
    boost::json::value id; // as given; null if it was not
    std::string sql;
    std::string dialect, user, database, client_address, application_name; // "" if not given
    std::vector<std::string> groups;
    std::optional<std::vector<std::string>> search_path;
    std::optional<std::string> sql_mode;       // MySQL, MariaDB
    std::optional<std::string> server_version; // as in the server's greeting
    std::optional<std::string> session;
    std::string catalog; // file of the snapshot that counts from this line on; "" if not given
};

/// Decodes a line. On failure `error` says what is wrong, and the request holds what was read, the id above all.
[[nodiscard]] ExplainRequest parse_explain_request(std::string_view line, std::string& error);

} // namespace stepgate::proxy::app
