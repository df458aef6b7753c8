#include "policies/postgres/plpgsql_reader.h"

#include "policies/postgres/plpgsql_loops.h"

#include <algorithm>
#include <utility>

namespace stepgate::policies::postgres
{
namespace
{

constexpr int deepest_block = 200; // of blocks, loops and branches inside each other

constexpr std::size_t longest_rows = std::size_t{512} * 1024; // of queries, with each statement in their loops

class Reader : PlWords
{
  public:
    using Kind = PlPiece::Kind;

    Reader(std::string_view body, bool backslashes) : PlWords(body, backslashes)
    {
        if (!PlWords::problem().empty())
            fail(std::string{PlWords::problem()});
    }

    PlBody read() &&
    {
        for (; good() && symbol(at_, '#'); at_ += std::min<std::size_t>(left(), 3)) // #variable_conflict use_column
            if (word(at_ + 1) == "variable_conflict")
                out_.variables_hide = word(at_ + 2) == "use_variable";
        block();
        if (symbol(at_, ';'))
            ++at_;
        if (good() && at_ < count())
            fail("something follows its end");
        for (const std::string& name : fetched_)
            if (std::ranges::find(opened_, name) == opened_.end())
                fail("it fetches from " + name + ", a cursor that it did not open");
        return std::move(out_);
    }

  private:
    [[nodiscard]] bool good() const { return out_.problem.empty(); }
    [[nodiscard]] std::size_t left() const { return count() - at_; }
    void fail(std::string problem)
    {
        if (good())
            out_.problem = std::move(problem);
        at_ = count();
    }
    bool expect(std::string_view wanted)
    {
        if (word(at_) != wanted)
            fail(std::string{"\""}.append(wanted).append("\" is missing"));
        else
            ++at_;
        return good();
    }
    void semicolon()
    {
        if (!symbol(at_, ';'))
            return fail("\";\" is missing");
        ++at_;
    }
    // Pieces
    void piece(Kind kind, std::size_t begin, std::size_t end)
    {
        if (begin >= end)
            return fail("an expression is missing");
        out_.pieces.push_back({kind, slice(begin, end)});
    }
    /// An expression up to a word, which is taken too.
    void expression_until(std::string_view wanted, Kind kind)
    {
        const std::size_t end = until(at_, {wanted});
        piece(kind, at_, end);
        at_ = std::min(end, count());
        expect(wanted);
    }
    /// Expressions parted by commas. Those of a cursor's arguments may each have its name before it: "name := value".
    void expressions(std::size_t begin, std::size_t end)
    {
        const auto value = [this](std::size_t at) {
            return is_name(at) && (symbols(at + 1, ':', '=') || symbols(at + 1, '=', '>')) ? at + 3 : at;
        };
        int depth = 0;
        std::size_t from = begin;
        for (std::size_t i = begin; i < end; ++i) {
            depth += symbol(i, '(') || symbol(i, '[') ? 1 : 0;
            depth -= symbol(i, ')') || symbol(i, ']') ? 1 : 0;
            if (depth == 0 && symbol(i, ',')) {
                piece(Kind::expression, value(from), i);
                from = i + 1;
            }
        }
        piece(Kind::expression, value(from), end);
    }

    void block();
    void declarations();
    void declaration();
    void type(std::size_t begin, std::size_t end);
    void cursor(std::string name);
    void statements();
    void statement();
    bool assignment();
    bool control(std::string_view first);
    bool command(std::string_view first);
    void if_statement();
    void case_statement();
    void loop_body(bool until_done, std::string_view query = {}, const std::vector<std::string>& targets = {},
                   std::string_view cursor = {});
    void for_loop();
    void for_each();
    void return_statement();
    void raise();
    void open();
    void fetch();
    void execute(std::size_t stop, Words before);
    void using_list(std::size_t stop);
    void sql();
    void label();
    void label_after_end();
    void target(std::size_t& i) const;
    void assigns(std::size_t target);

    std::size_t at_ = 0;
    int depth_ = 0;
    PlBody out_;
    std::vector<std::string> opened_, fetched_, bound_;
    PlLoops loops_{*this};
    FilledVariables& filled_ = loops_.filled();
    std::size_t rows_left_ = longest_rows;
};

void Reader::label()
{
    if (!symbols(at_, '<', '<') || !is_name(at_ + 2) || !symbols(at_ + 3, '>', '>'))
        return;
    out_.variables.push_back(name(at_ + 2));
    at_ += 5;
}

void Reader::label_after_end()
{
    if (is_name(at_) && !symbol(at_, ';'))
        ++at_;
}

void Reader::block()
{
    if (++depth_ > deepest_block)
        return fail("its blocks are nested too deeply");
    label();
    if (word(at_) == "declare") {
        ++at_;
        declarations();
    }
    if (!expect("begin"))
        return;
    statements();
    if (word(at_) == "exception") {
        ++at_;
        while (good() && word(at_) == "when") { // names of conditions, parted by OR
            at_ = until(at_, {"then"});
            if (expect("then"))
                statements();
        }
    }
    if (expect("end"))
        label_after_end();
    --depth_;
}

void Reader::declarations()
{
    while (good() && at_ < count() && word(at_) != "begin") {
        if (word(at_) == "declare")
            ++at_;
        else if (symbols(at_, '<', '<'))
            label();
        else
            declaration();
    }
}

void Reader::declaration()
{
    if (!is_name(at_))
        return fail("a declaration is not understood");
    std::string variable = name(at_++);
    out_.variables.push_back(variable);
    filled_.forget(variable);
    const std::size_t end = until(at_, {});
    const std::size_t is_cursor = until(at_, {"cursor"});
    if (is_cursor < end && is_cursor <= at_ + 2 && (is_cursor == at_ || one_of(at_, {"no", "scroll"})))
        return cursor(std::move(variable));
    int depth = 0;
    std::size_t type_end = end;
    for (std::size_t i = at_; i < end; ++i) {
        depth += symbol(i, '(') || symbol(i, '[') ? 1 : 0;
        depth -= symbol(i, ')') || symbol(i, ']') ? 1 : 0;
        if (depth != 0)
            continue;
        const bool assign = symbols(i, ':', '=');
        if (!assign && !symbol(i, '=') && word(i) != "default")
            continue;
        piece(Kind::expression, i + (assign ? 2 : 1), end);
        loops_.assigns(variable, i + (assign ? 2 : 1), end);
        type_end = i;
        break;
    }
    type(at_ + (word(at_) == "constant" ? 1 : 0), type_end);
    at_ = end;
    semicolon();
}

/// type [COLLATE …] [NOT NULL], or ALIAS FOR …
void Reader::type(std::size_t begin, std::size_t end)
{
    const std::size_t stop = std::min(until(begin, {"collate", "not"}), end);
    if (begin >= stop || word(begin) == "alias")
        return;
    std::size_t percent = begin + 1; // it may have [] behind it
    while (percent < stop && !symbol(percent, '%'))
        ++percent;
    if (percent == stop)
        return out_.pieces.push_back({Kind::expression, "null::" + slice(begin, stop)});
    const bool of_column = word(percent + 1) == "type"; // of a variable where it stands alone
    if (const std::size_t last = percent - (of_column ? std::min<std::size_t>(percent, 2) : 0); last > begin)
        out_.pieces.push_back({Kind::row_type, slice(begin, last)});
}

/// name [[NO] SCROLL] CURSOR [(arguments)] {FOR | IS} query
void Reader::cursor(std::string variable)
{
    at_ = until(at_, {"cursor"}) + 1;
    if (symbol(at_, '(')) {
        int depth = 0;
        std::size_t argument = 0; // where its name stands
        for (; at_ < count(); ++at_) {
            depth += symbol(at_, '(') ? 1 : 0;
            depth -= symbol(at_, ')') ? 1 : 0;
            const bool between = depth == 1 && (symbol(at_, '(') || symbol(at_, ','));
            if ((between || depth == 0) && argument != 0)
                type(argument + 1, at_);
            if (depth == 0)
                break;
            if (!between || !is_name(at_ + 1))
                continue;
            argument = at_ + 1;
            out_.variables.push_back(name(argument));
        }
        ++at_;
    }
    if (!one_of(at_, {"for", "is"}))
        return fail("the query of cursor " + variable + " is missing");
    const std::size_t end = until(at_, {});
    piece(Kind::statement, at_ + 1, end);
    loops_.opens(variable, slice(at_ + 1, end));
    bound_.push_back(variable);
    opened_.push_back(std::move(variable));
    at_ = end;
    semicolon();
}

void Reader::statements()
{
    while (good() && at_ < count() && !one_of(at_, {"end", "elsif", "elseif", "else", "when", "exception"}))
        statement();
}

/// name [.field | [index]]… as a target of an assignment or INTO.
void Reader::target(std::size_t& i) const
{
    ++i;
    while (i < count()) {
        if (symbol(i, '.') && is_name(i + 1)) {
            i += 2;
        } else if (symbol(i, '[')) {
            int depth = 0;
            for (; i < count(); ++i) {
                depth += symbol(i, '[') ? 1 : 0;
                depth -= symbol(i, ']') ? 1 : 0;
                if (depth == 0)
                    break;
            }
            ++i;
        } else {
            return;
        }
    }
}

/// What it sets of the row that a trigger gives on.
void Reader::assigns(std::size_t target)
{
    if (word(target) == "new")
        out_.assigned.push_back(symbol(target + 1, '.') && is_name(target + 2) ? name(target + 2) : "*");
}

bool Reader::assignment()
{
    std::size_t i = at_;
    if (is_parameter(i))
        ++i;
    else if (is_name(i))
        target(i);
    else
        return false;
    const bool colon = symbols(i, ':', '=');
    if (!colon && !symbol(i, '='))
        return false;
    const bool row = one_of(at_, {"new", "old"});
    assigns(at_);
    for (std::size_t k = at_; k < i; ++k) { // indexes
        if (!symbol(k, '['))
            continue;
        std::size_t close = k;
        target(close);
        int depth = 0;
        for (close = k; close < i; ++close) {
            depth += symbol(close, '[') ? 1 : 0;
            depth -= symbol(close, ']') ? 1 : 0;
            if (depth == 0)
                break;
        }
        for (std::size_t from = k + 1, at = k + 1; at <= close; ++at) {
            if (at != close && !symbol(at, ':'))
                continue;
            if (from < at)
                piece(Kind::expression, from, at);
            from = at + 1;
        }
        k = close;
    }
    const std::size_t end = until(at_, {});
    if (is_name(at_) && i == at_ + 1)
        loops_.assigns(name(at_), i + (colon ? 2 : 1), end);
    else if (is_name(at_))
        filled_.forget(name(at_));
    piece(row ? Kind::conduct : Kind::expression, i + (colon ? 2 : 1), end);
    at_ = end;
    semicolon();
    return true;
}

void Reader::statement()
{
    if (++depth_ > deepest_block)
        return fail("its statements are nested too deeply");
    if (symbol(at_, ';')) {
        ++at_;
    } else {
        label();
        const std::string_view first = word(at_);
        if (!assignment() && !control(first) && !command(first))
            sql();
    }
    --depth_;
}

bool Reader::control(std::string_view first)
{
    if (first == "declare" || first == "begin") {
        block();
        semicolon();
    } else if (first == "if") {
        if_statement();
    } else if (first == "case") {
        case_statement();
    } else if (first == "loop") {
        loop_body(true);
    } else if (first == "while") {
        ++at_;
        const std::size_t end = until(at_, {"loop"});
        const bool until_done = loops_.goes_on_while(at_, end);
        piece(Kind::conduct, at_, end);
        at_ = end;
        loop_body(until_done);
    } else if (first == "for") {
        for_loop();
    } else if (first == "foreach") {
        for_each();
    } else {
        return false;
    }
    return true;
}

bool Reader::command(std::string_view first)
{
    const std::size_t end = until(at_, {});
    if (first == "exit" || first == "continue") {
        const std::size_t when = until(at_, {"when"});
        loops_.leaves(at_, when, end);
        if (when < end)
            piece(Kind::conduct, when + 1, end);
    } else if (first == "return") {
        loops_.returns(at_);
        return_statement();
    } else if (first == "raise") {
        raise();
    } else if (first == "assert") {
        expressions(at_ + 1, end);
    } else if (first == "perform") {
        piece(Kind::expression, at_ + 1, end);
    } else if (first == "execute") {
        ++at_;
        execute(end, {"into", "using"});
    } else if (first == "open") {
        open();
    } else if (first == "fetch" || first == "move") {
        fetch();
    } else if (first == "get" && one_of(at_ + 1, {"current", "stacked", "diagnostics"})) {
        // Items of the server into variables.
        for (std::size_t i = at_; i < end; ++i)
            if (word(i) == "row_count")
                if (const std::size_t variable = i - (symbols(i - 2, ':', '=') ? 3 : 2); is_name(variable))
                    loops_.counts(name(variable));
        out_.takes_details = out_.takes_details || until(at_, {"pg_exception_detail"}) < end;
    } else if (first == "close" && is_name(at_ + 1) && at_ + 2 == end) {
        // A cursor variable.
    } else if (first == "null" && at_ + 1 == end) {
    } else {
        return false;
    }
    if (good())
        at_ = end;
    semicolon();
    return true;
}

void Reader::if_statement()
{
    ++at_;
    PlLoops::Branch branch = loops_.enter_branch(at_, until(at_, {"then"}));
    expression_until("then", Kind::conduct);
    statements();
    loops_.other_branch();
    while (good() && one_of(at_, {"elsif", "elseif"})) {
        ++at_;
        expression_until("then", Kind::conduct);
        statements();
    }
    if (word(at_) == "else") {
        ++at_;
        statements();
    }
    loops_.leave_branch(std::move(branch));
    if (expect("end") && expect("if"))
        semicolon();
}

void Reader::case_statement()
{
    ++at_;
    PlLoops::Branch branch = loops_.enter_branch();
    if (word(at_) != "when") {
        const std::size_t when = until(at_, {"when"});
        piece(Kind::conduct, at_, when);
        at_ = when;
    }
    while (good() && word(at_) == "when") {
        ++at_;
        const std::size_t then = until(at_, {"then"});
        const std::size_t before = out_.pieces.size();
        expressions(at_, then);
        for (std::size_t i = before; i < out_.pieces.size(); ++i)
            out_.pieces[i].kind = Kind::conduct;
        at_ = then;
        if (expect("then"))
            statements();
    }
    if (word(at_) == "else") {
        ++at_;
        statements();
    }
    loops_.leave_branch(std::move(branch));
    if (expect("end") && expect("case"))
        semicolon();
}

/// LOOP … END LOOP [label]; of a query's rows or not. `until_done`: nothing counts its rounds.
void Reader::loop_body(bool until_done, std::string_view query, const std::vector<std::string>& targets,
                       std::string_view cursor)
{
    if (!expect("loop"))
        return;
    const std::size_t first = out_.pieces.size();
    PlLoops::Loop loop = loops_.enter_loop(until_done, query, targets, cursor);
    statements();
    if (!loops_.leave_loop(std::move(loop)))
        for (std::size_t i = first; i < out_.pieces.size(); ++i) {
            out_.pieces[i].rows.clear();
            out_.pieces[i].again = false;
        }
    if (!expect("end") || !expect("loop"))
        return;
    label_after_end();
    semicolon();
}

/// FOR targets IN {[REVERSE] a .. b [BY c] | query | cursor [(arguments)] | EXECUTE text [USING …]} LOOP
void Reader::for_loop()
{
    const std::size_t in = until(at_, {"in"});
    std::vector<std::string> targets;
    for (std::size_t i = at_ + 1; i < in; ++i)
        if (is_name(i))
            targets.push_back(name(i));
    out_.variables.insert(out_.variables.end(), targets.begin(), targets.end());
    filled_.forget(at_ + 1, in);
    std::string query;
    std::string cursor;
    at_ = in;
    if (!expect("in"))
        return;
    const std::size_t loop = until(at_, {"loop"});
    if (word(at_) == "execute") {
        ++at_;
        execute(loop, {"using"});
    } else if (is_name(at_) && std::ranges::find(bound_, name(at_)) != bound_.end() &&
               (at_ + 1 == loop || symbol(at_ + 1, '('))) {
        cursor = name(at_);
        query = loops_.query_of(cursor);
        if (at_ + 1 != loop)
            expressions(at_ + 2, loop - 1);
    } else {
        std::size_t dots = at_;
        int depth = 0;
        for (; dots < loop; ++dots) {
            depth += symbol(dots, '(') || symbol(dots, '[') ? 1 : 0;
            depth -= symbol(dots, ')') || symbol(dots, ']') ? 1 : 0;
            if (depth == 0 && symbols(dots, '.', '.'))
                break;
        }
        if (dots >= loop) {
            piece(Kind::statement, at_, loop);
            query = loops_.query_behind(at_, loop);
        } else {
            if (word(at_) == "reverse")
                ++at_;
            const std::size_t by = std::min(until(dots, {"by"}), loop);
            piece(Kind::conduct, at_, dots);
            piece(Kind::conduct, dots + 2, by);
            if (by < loop)
                piece(Kind::conduct, by + 1, loop);
        }
    }
    if (good())
        at_ = loop;
    loop_body(false, query, targets, cursor);
}

/// FOREACH target [SLICE n] IN ARRAY expression LOOP; that of an array made of a query goes through its rows.
void Reader::for_each()
{
    std::vector<std::string> targets;
    const std::size_t in = until(at_, {"in"});
    filled_.forget(at_ + 1, in);
    if (in == at_ + 2 && is_name(at_ + 1))
        targets.push_back(name(at_ + 1));
    at_ = in;
    if (!expect("in") || !expect("array"))
        return;
    const std::size_t loop = until(at_, {"loop"});
    piece(Kind::expression, at_, loop);
    const std::string query = filled_.query_of(at_, loop);
    if (good())
        at_ = loop;
    loop_body(false, query, targets);
}

void Reader::return_statement()
{
    const std::size_t end = until(at_, {});
    ++at_;
    if (at_ == end)
        return;
    if (word(at_) == "query" && word(at_ + 1) == "execute") {
        at_ += 2;
        execute(end, {"using"});
    } else if (word(at_) == "query") {
        piece(Kind::statement, at_ + 1, end);
    } else if (word(at_) == "next") {
        if (at_ + 1 < end)
            piece(Kind::expression, at_ + 1, end);
    } else {
        piece(Kind::conduct, at_, end);
    }
}

/// RAISE [level] ['format' [, value]…] [USING option = value [, …]]
void Reader::raise()
{
    const std::size_t end = until(at_, {});
    const std::size_t options = std::min(until(at_, {"using"}), end);
    int depth = 0;
    std::size_t from = 0;
    for (std::size_t i = at_; i < options; ++i) {
        depth += symbol(i, '(') || symbol(i, '[') ? 1 : 0;
        depth -= symbol(i, ')') || symbol(i, ']') ? 1 : 0;
        if (depth == 0 && symbol(i, ',') && from == 0)
            from = i + 1;
    }
    if (from != 0)
        expressions(from, options);
    for (std::size_t i = options + 1; i < end;) { // name = value
        std::size_t value = i + 1;
        value += symbols(value, ':', '=') ? 2 : 1;
        std::size_t stop = value;
        for (depth = 0; stop < end && (depth != 0 || !symbol(stop, ',')); ++stop) {
            depth += symbol(stop, '(') || symbol(stop, '[') ? 1 : 0;
            depth -= symbol(stop, ')') || symbol(stop, ']') ? 1 : 0;
        }
        piece(Kind::expression, value, stop);
        i = stop + 1;
    }
}

/// OPEN cursor [[NO] SCROLL] {FOR query | FOR EXECUTE text [USING …] | [(arguments)]}
void Reader::open()
{
    const std::size_t end = until(at_, {});
    if (!is_name(at_ + 1))
        return fail("OPEN is not understood");
    opened_.push_back(name(at_ + 1));
    at_ += 2;
    const std::size_t query = std::min(until(at_, {"for"}), end);
    if (query == end) {
        if (symbol(at_, '('))
            expressions(at_ + 1, end - 1);
        else if (at_ != end)
            fail("OPEN is not understood");
    } else if (word(query + 1) == "execute") {
        at_ = query + 2;
        execute(end, {"using"});
    } else {
        piece(Kind::statement, query + 1, end);
        loops_.opens(opened_.back(), slice(query + 1, end));
    }
}

/// FETCH [direction {FROM | IN}] cursor INTO target; the count in a direction is an expression.
void Reader::fetch()
{
    const std::size_t end = until(at_, {});
    const std::size_t into = std::min(until(at_, {"into"}), end);
    std::size_t cursor_at = at_ + 1;
    const std::size_t from = until(at_, {"from", "in"});
    if (from < into) {
        const bool counted = one_of(at_ + 1, {"relative", "absolute", "forward", "backward"});
        if (counted && at_ + 2 < from && word(at_ + 2) != "all")
            piece(Kind::conduct, at_ + 2, from);
        cursor_at = from + 1;
    } else if (into > cursor_at + 1) {
        cursor_at = into - 1; // FETCH NEXT c
    }
    if (!is_name(cursor_at) || cursor_at + 1 != into)
        return fail("FETCH is not understood");
    fetched_.push_back(name(cursor_at));
    std::vector<std::string> targets;
    for (std::size_t i = into + 1; i < end; ++i)
        if (is_name(i))
            targets.push_back(name(i));
    filled_.forget(into, end);
    loops_.fetches(fetched_.back(), targets);
}

void Reader::using_list(std::size_t stop)
{
    const std::size_t list = until(at_, {"using"});
    if (list >= stop)
        return;
    const std::size_t into = std::min(until(list, {"into"}), stop);
    expressions(list + 1, into);
}

/// An EXECUTE's expression ends before one of `before` or at `stop`.
void Reader::execute(std::size_t stop, Words before)
{
    piece(Kind::dynamic, at_, std::min(until(at_, before), stop));
    filled_.forget(std::min(until(at_, {"into"}), stop), stop);
    using_list(stop);
}

/// Any other statement is SQL; the INTO that fills variables is not part of it.
void Reader::sql()
{
    std::size_t end = at_;
    int depth = 0;
    int atomic = 0; // BEGIN ATOMIC … END in CREATE FUNCTION
    for (; end < count(); ++end) {
        depth += symbol(end, '(') ? 1 : 0;
        depth -= symbol(end, ')') ? 1 : 0;
        const bool body = word(at_) == "create";
        atomic += body && word(end) == "begin" && word(end + 1) == "atomic" ? 1 : 0;
        atomic += body && atomic > 0 && word(end) == "case" ? 1 : 0;
        atomic -= body && atomic > 0 && word(end) == "end" ? 1 : 0;
        if (symbol(end, ';') && depth <= 0 && atomic == 0)
            break;
    }
    if (end >= count() || end == at_)
        return fail("a statement is not understood");
    std::string text;
    std::size_t from = at_;
    bool taken = false;
    for (std::size_t i = at_; i < end; ++i) {
        if (word(i) != "into" || (i > at_ && one_of(i - 1, {"insert", "merge"})) || word(at_) == "import")
            continue;
        if (taken)
            return fail("a statement has INTO twice");
        taken = true;
        text += slice(from, i);
        text += ' ';
        std::size_t target_at = i + 1;
        if (word(target_at) == "strict")
            ++target_at;
        if (!is_name(target_at))
            return fail("INTO is not understood");
        filled_.forget(target_at, end);
        std::vector<std::string> variables;
        bool whole = true; // none is a field or an element
        for (bool more = true; more; target_at += more ? 1 : 0) {
            const std::size_t first = target_at;
            variables.push_back(name(first));
            assigns(target_at);
            target(target_at);
            whole = whole && target_at == first + 1;
            more = symbol(target_at, ',') && is_name(target_at + 1);
        }
        if (whole)
            filled_.select_into(variables, at_, i, target_at, end, loops_.goes_on());
        from = target_at;
        i = target_at - 1;
    }
    if (from < end)
        text += slice(from, end);
    if (word(at_) == "call") // its arguments may come back
        filled_.forget(at_, end);
    auto [rows, again] = loops_.reach_of(at_, end);
    const std::size_t size = rows.size();
    out_.pieces.push_back({Kind::statement, std::move(text), std::move(rows), again});
    if (size > rows_left_)
        return fail("its loops are too long to read");
    rows_left_ -= size;
    at_ = end + 1;
}

} // namespace

PlBody read_plpgsql(std::string_view body, bool backslashes)
{
    return Reader{body, backslashes}.read();
}

} // namespace stepgate::policies::postgres
