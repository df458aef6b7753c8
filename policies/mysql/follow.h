#pragma once

#include "policies/mysql/bodies.h"
#include "policies/mysql/session_state.h"

#include <deque>
#include <set>
#include <string>
#include <tuple>
#include <vector>

namespace stepgate::policies::mysql
{

/// Adds to a statement's facts what is behind the names in it, to the end: views, triggers, foreign keys, routines.
class Follower
{
  public:
    Follower(Bodies& bodies, const SessionState& state, statement::StatementFacts& facts,
             std::vector<std::string>& opaque_reasons)
        : bodies_(bodies), state_(state), facts_(facts), reasons_(opaque_reasons)
    {
    }

    void follow(const std::vector<Lead>& leads);
    /// Behind it is a function that the server may run as soon as it prepares or explains the statement.
    [[nodiscard]] bool runs_early() const { return runs_early_; }

  private:
    void add(Lead lead);
    void merge(const Footprint& footprint);
    void merge_accesses(std::vector<statement::TableAccess>& to, const std::vector<statement::TableAccess>& from);
    void reason(std::string text);
    [[nodiscard]] const catalog::Relation* look_up(const Lead& lead);
    void read(const Lead& lead);
    void name(const Lead& lead);
    void write(const Lead& lead);
    void write_rows(const catalog::Relation& table, const catalog::Events& events);
    void write_below(const catalog::Relation& relation, const catalog::Events& events);
    void referencing(const catalog::Relation& table, const catalog::Events& events);
    void referenced(const catalog::Relation& table, const catalog::Events& events);
    void run(const Lead& lead, catalog::FunctionKind kind);
    void narrow(std::vector<statement::TableAccess>& accesses);

    Bodies& bodies_;
    const SessionState& state_;
    statement::StatementFacts& facts_;
    std::vector<std::string>& reasons_;
    std::deque<Lead> work_;
    std::set<std::tuple<Lead::Kind, std::string, int>> seen_;
    std::size_t steps_ = 0;
    bool runs_early_ = false;
};

} // namespace stepgate::policies::mysql
