#pragma once

#include "policies/catalog/catalog.h"
#include "policies/postgres/analyzer.h"
#include "policies/postgres/session_state.h"
#include "tests/oracle/witness/connection.h"
#include "tests/oracle/witness/relations.h"
#include "tests/oracle/witness/server_log.h"

#include <libpq-fe.h>

#include <map>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace stepgate::oracle
{

struct Options {
    std::string server;     // libpq connection string, a superuser
    std::string server_log; // the file the server writes its log to
    bool catalog = true;    // give the analyzer a snapshot of the catalogs
};

using ServerConnection = std::unique_ptr<PGconn, decltype(&PQfinish)>;

/// One session of psql, relayed to the server. Of every simple query it takes stepgate's facts before the server sees
/// the text, and what the server says it did afterwards, and writes both as a line of JSON.
///
/// Between two statements the server's connection belongs to libpq, which asks for the catalogs on it: only the
/// session itself sees what its open transaction changed.
class Session
{
  public:
    Session(int client, const Options& options, std::ostream& out);
    /// Returns when either side has gone.
    void run();

  private:
    /// What came back for one message.
    struct Reply {
        bool alive = true;
        std::string sqlstate;      // of the first error
        std::size_t answers = 0;   // commands completed
        std::size_t completed = 0; // of them, those that stepgate foresaw
        char transaction = 'I';
        std::vector<std::string> truncated;                        // by cascade: names out of notices
        std::vector<std::pair<std::string, std::string>> reported; // parameters
    };

    bool greet();
    bool log_in(const std::map<std::string, std::string>& parameters);
    bool statement(const Message& query);
    Reply relay(const policies::statement::Facts* facts);
    void on_complete(Reply& reply, const policies::statement::Facts& facts, std::string_view tag);
    [[nodiscard]] bool may_change_catalogs(const policies::statement::Facts& facts) const;
    void look_at_catalogs();
    void read_snapshot();
    [[nodiscard]] std::vector<Access> truth(std::vector<Access> logged, const Reply& reply,
                                            bool definitions_changed) const;
    void write(std::string_view sql, const policies::statement::Facts& facts, const Reply& reply,
               const std::vector<Access>& truth) const;

    const Options& options_;
    std::ostream& out_;
    Connection client_;
    ServerConnection server_{nullptr, &PQfinish};
    ServerConnection onlooker_{nullptr, &PQfinish}; // sees what is committed, and disturbs nothing
    std::unique_ptr<Connection> wire_;
    ServerLog log_;
    Relations relations_;
    std::shared_ptr<const policies::catalog::Catalog> catalog_;
    policies::postgres::Analyzer analyzer_;
    policies::postgres::SessionState state_;
    std::string file_;
    char transaction_ = 'I';
    bool stale_ = true; // the catalogs may have changed since the last look
    bool changed_in_transaction_ = false;
};

} // namespace stepgate::oracle
