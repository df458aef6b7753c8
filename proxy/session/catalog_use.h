#pragma once

#include "policies/rules/matched_facts.h"
#include "policies/sensitivity/catalog_view.h"
#include "policies/sensitivity/labels.h"
#include "policies/statement/facts.h"
#include "proxy/upstream/database_catalog.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace stepgate::proxy::session
{

/// One session's use of its database's catalog: the view that statements are judged with, the names that cannot be
/// looked up right now, and what this session itself changes. Without a database it answers that all is well and
/// nothing is known. One thread.
class CatalogUse
{
  public:
    void attach(std::shared_ptr<upstream::DatabaseCatalog> database);

    /// Takes what is newest; an atomic load when nothing changed. Call it before a statement is judged. True: the
    /// snapshot in use from now on was read after everything that this session has done.
    bool look();
    [[nodiscard]] const policies::sensitivity::CatalogView& view() const { return view_; }
    /// Differs whenever a statement could be judged differently than before.
    [[nodiscard]] std::uint64_t revision() const { return revision_; }

    /// What a DROP .. IF EXISTS does not find may have been made past stepgate: it is in doubt until the next snapshot.
    void look_again(const policies::statement::Facts& facts);
    /// The statement relies on a name whose meaning is not known now. What this session changed and did not commit yet
    /// is no concern here: `SessionState` knows of that.
    [[nodiscard]] bool unsure(const policies::statement::Facts& facts) const;
    /// The statement names tables, which may be views of others, or may name types, and there should be catalogs that
    /// tell but are not.
    [[nodiscard]] bool missing(const policies::statement::Facts& facts) const;
    /// Waiting may help: what is not known will be in the next snapshot, or in one after a change of another session.
    /// Within a block of this session's own changes too: those are not among what is not known.
    [[nodiscard]] bool may_wait() const { return touched_ != nullptr && !gave_up_; }
    /// This session waits for the next snapshot.
    void want_snapshot() const { database_->want_snapshot(); }
    /// Waited in vain: statements are judged as they are, until something changes.
    void give_up() { gave_up_ = true; }
    /// A change of this session is on its way to the server, or not committed.
    [[nodiscard]] bool announced() const { return !changes_.empty(); }

    /// A statement is about to be forwarded. `in_block`: within an explicit transaction. `suspicious`: a text that is
    /// not understood may do anything.
    void departs(const policies::rules::MatchedFacts& facts, const policies::sensitivity::LabelNames& names,
                 bool in_block, bool suspicious, std::chrono::system_clock::time_point now);
    /// Everything is answered, and no transaction is open.
    void idle();
    [[nodiscard]] bool has_temporary() const { return !temporary_.empty() || !temporary_copies_.empty(); }
    /// Of its temporary objects the session has those left that are `there`.
    void keep_temporary(const std::function<bool(const std::string& name)>& there);
    /// The session has no temporary objects any more.
    void forget_temporary();
    /// The session is over. `backend`: the server process behind it, which may still be at work.
    void leave(std::int32_t backend);

  private:
    void note_change(const policies::statement::Facts& facts, bool in_block, bool suspicious);
    void note_temporary(const policies::statement::StatementFacts& statement);
    void forget_dropped(const policies::statement::Facts& facts);
    void note_copies(const policies::rules::MatchedFacts& facts, const policies::sensitivity::LabelNames& names,
                     std::chrono::system_clock::time_point now);
    [[nodiscard]] bool note_moves(const policies::rules::MatchedFacts& facts,
                                  const policies::sensitivity::LabelNames& names, std::int64_t seconds,
                                  std::vector<policies::sensitivity::Copy>& copies);
    bool add_temporary(policies::sensitivity::Copy copy);
    [[nodiscard]] bool is_mysql() const;
    void make_view();

    std::shared_ptr<upstream::DatabaseCatalog> database_;
    policies::sensitivity::CatalogView shared_, view_; // `view_`: with this session's temporary copies
    std::shared_ptr<const upstream::Touched> touched_;
    std::uint64_t seen_ = 0, revision_ = 0;
    bool missing_ = false, gave_up_ = false;

    bool open_ = false;                  // this session changed something that is not committed
    upstream::Touched own_;              // what, as long as it is open
    std::vector<std::uint64_t> changes_; // announced to the others

    std::set<std::string> looked_again_; // names, for the statement that is being judged
    std::set<std::string> temporary_;    // names of temporary objects
    std::vector<policies::sensitivity::Copy> temporary_copies_;
};

} // namespace stepgate::proxy::session
