#include "encoder.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <deque>

namespace {

constexpr int kTeamRows = 192;  // with fewer rows a thread, threads share them and split the columns
constexpr int kGrains = 4;  // in which a member's columns are taken: who is done first helps the others
constexpr int64_t kAlone = 1 << 27;  // multiplications that one thread has done when it would have woken the others
constexpr int kLeastQueries = 32;  // of a task of attention, whose keys are laid out anew for each

struct Range {
    int begin, end;
    int size() const { return end - begin; }
};

Range share(int count, int member, int members) {
    return {(int)((int64_t)count * member / members), (int)((int64_t)count * (member + 1) / members)};
}

int divided(int count, int by) { return (count + by - 1) / by; }

// Threads that work on one chunk of rows together, seen by one of them.
struct Team {
    int member, members;
    Barrier& barrier;
    Scratch& scratch;

    Range share_of(int whose, int count) const { return share(count, whose, members); }
    Range share_of(int count) const { return share_of(member, count); }
};

// How rows are given to threads. Many rows: in chunks, to whoever is free. Few: a chunk a team, whose members split
// the columns of each layer, so that each reads its part of the weights alone.
class Split {
public:
    Split(int rows, int threads, const Kernels& kernels)
        : rows_(rows), threads_(threads), teams_(std::clamp(rows / kTeamRows, 1, threads)) {
        chunks_ = teams_;
        if (teams_ == threads) chunks_ = std::max(1, divided(divided(rows, kernels.chunk), threads) * threads);
        chunk_ = divided(rows, chunks_);
        if (teams_ == threads) chunk_ = divided(chunk_, kernels.tile) * kernels.tile;
        for (int team = 0; team < teams_; team++) barriers_.emplace_back(first(team + 1) - first(team));
    }

    int teams() const { return teams_; }
    int chunk() const { return chunk_; }

    // Calls work(team, rows) on every thread, until all rows are done; `next` is 0 before.
    template <typename Work>
    void each(int thread, std::atomic<int>& next, std::vector<Scratch>& scratch, const Work& work) {
        const int index = (int)((int64_t)thread * teams_ / threads_);
        const int members = first(index + 1) - first(index);
        const Team team{thread - first(index), members, barriers_[index], scratch[index]};
        for (int chunk = members > 1 || teams_ < threads_ ? index : next.fetch_add(1); chunk * chunk_ < rows_;
             chunk = next.fetch_add(1)) {
            work(team, Range{chunk * chunk_, std::min(rows_, (chunk + 1) * chunk_)});
            if (teams_ < threads_) break;
        }
    }

private:
    int first(int team) const { return (int)divided(team * threads_, teams_); }

    int rows_, threads_, teams_, chunks_, chunk_;
    std::deque<Barrier> barriers_;
};

// One run: what its threads share. Every thread calls `work`.
class Run {
public:
    Run(const Model& model, const Batch& batch, Workspace& workspace, int threads, float* out)
        : model_(model), kernels_(model.kernels), batch_(batch), workspace_(workspace), threads_(threads),
          read_(batch.rows ? batch.read : batch.tokens), out_(out), d_(model.width()),
          f_(padded(model.shape.hidden_dim)), everyone_(threads), tokens_(batch.tokens, threads, kernels_),
          chosen_(read_, threads, kernels_), next_(4 * model.layers.size()) {
        place();
        reserve();
    }

    void work(int thread) {
        embed(thread);
        everyone_.wait();
        for (size_t index = 0; index < model_.layers.size(); index++) {
            const Layer& layer = model_.layers[index];
            const bool cut = batch_.rows && index + 1 == model_.layers.size();
            std::atomic<int>* next = &next_[4 * index];
            tokens_.each(thread, next[0], workspace_.teams, [&](const Team& team, Range rows) {
                project(team, rows, layer.qkv, {cut ? d_ / kPanel : 0, 3 * d_ / kPanel}, states_, qkv_, 3 * d_);
            });
            everyone_.wait();
            if (cut) {
                choose(thread);
                everyone_.wait();
                chosen_.each(thread, next[1], workspace_.teams, [&](const Team& team, Range rows) {
                    project(team, rows, layer.qkv, {0, d_ / kPanel}, read_states_, queries_, d_);
                });
                everyone_.wait();
            }
            attend(thread, next[2], cut);
            everyone_.wait();
            (cut ? chosen_ : tokens_).each(thread, next[3], workspace_.teams, [&](const Team& team, Range rows) {
                if (cut)
                    finish(team, rows, layer, queries_, d_, read_states_);
                else
                    finish(team, rows, layer, qkv_, 3 * d_, states_);
            });
            everyone_.wait();
        }
        head(thread, batch_.rows ? read_states_ : states_);
    }

private:
    // Where each text's tokens and its rows that are read begin.
    void place() {
        int token = 0, row = 0;
        for (int text = 0; text < batch_.texts; text++) {
            starts_.push_back(token);
            row_starts_.push_back(row);
            token += (int)batch_.lengths[text];
            longest_ = std::max(longest_, (int)batch_.lengths[text]);
            while (batch_.rows && row < batch_.read && batch_.rows[row] < token) row++;
        }
        starts_.push_back(token);
        row_starts_.push_back(row);
    }

    void reserve() {
        const size_t d = d_;
        states_ = workspace_.states.reserve(batch_.tokens * d);
        qkv_ = workspace_.qkv.reserve(batch_.tokens * 3 * d);
        if (batch_.rows) {
            read_states_ = workspace_.read_states.reserve(read_ * d);
            queries_ = workspace_.queries.reserve(read_ * d);
        }
        const size_t rows = std::max(tokens_.chunk(), chosen_.chunk());
        workspace_.teams.resize(std::max<size_t>(workspace_.teams.size(), std::max(tokens_.teams(), chosen_.teams())));
        for (Scratch& scratch : workspace_.teams) {
            scratch.bytes.reserve(bytes_of(rows, std::max(d_, f_)));
            scratch.scales.reserve(rows);
            scratch.attended.reserve(rows * d);
            scratch.wide.reserve(rows * wide_stride());
            scratch.narrow.reserve(rows * d);
        }
        workspace_.attention.resize(std::max<size_t>(workspace_.attention.size(), threads_));
        for (auto& scratch : workspace_.attention) scratch.reserve(attention_scratch(longest_, model_.head_width()));
        if (model_.shape.head == Head::pooled || model_.shape.head == Head::masked_lm) workspace_.head.reserve(read_ * d);
        if (model_.shape.head == Head::masked_lm) {
            workspace_.head_bytes.reserve(bytes_of(read_, d_));
            workspace_.head_scales.reserve(read_);
        }
    }

    void embed(int thread) {
        const Range rows = share(batch_.tokens, thread, threads_);
        int text = (int)(std::upper_bound(starts_.begin(), starts_.end(), rows.begin) - starts_.begin()) - 1;
        for (int row = rows.begin; row < rows.end; row++) {
            while (row >= starts_[text + 1]) text++;
            const size_t id = batch_.ids[row], position = row - starts_[text];
            float* x = states_ + (size_t)row * d_;
            kernels_.embed(model_.words, id, model_.positions, position, model_.shape.dim, x);
            kernels_.norm(x, nullptr, model_.embedding_norm, model_.shape.dim, x);
        }
    }

    // The states of the rows that are read.
    void choose(int thread) {
        const Range rows = share(read_, thread, threads_);
        for (int row = rows.begin; row < rows.end; row++)
            memcpy(read_states_ + (size_t)row * d_, states_ + (size_t)batch_.rows[row] * d_, d_ * sizeof(float));
    }

    // Of quantised rows.
    size_t bytes_of(size_t rows, int in) const { return padded((int)rows, kernels_.tile) * (size_t)padded(in, kPiece); }

    // Of hidden_dim numbers: rows a power of two apart would share few lines of the cache.
    size_t wide_stride() const { return f_ + kPanel; }

    // Rows of numbers that a team multiplies.
    struct Input {
        const float* at;
        size_t stride;
    };

    // activation(x · weights + bias) for all rows of a team and the columns of `panels`: a member's own share, then what
    // others have not begun. The rows are quantised already, unless the layer is in float32.
    void multiply(const Team& team, Input x, int rows, const Matrix& layer, Range panels, Activation activation,
                  float* out, size_t stride) {
        const Rows to{out, stride, layer.out};
        const auto multiply_part = [&](int begin, int end) {
            if (layer.floats.weights)
                kernels_.dense(x.at, x.stride, rows, layer.floats, begin, end, activation, to);
            else
                kernels_.linear(team.scratch.bytes.get(), team.scratch.scales.get(), rows, layer.int8, begin, end,
                                activation, to);
        };
        if (team.members == 1) return multiply_part(panels.begin, panels.end);
        const int grain = std::clamp(panels.size() / (kGrains * team.members), 1, kMostPanels);
        for (int index = 0; index < team.members; index++) {
            const int member = (team.member + index) % team.members;
            const Range share = team.share_of(member, panels.size());
            for (int part = team.barrier.take(member); part * grain < share.size(); part = team.barrier.take(member))
                multiply_part(panels.begin + share.begin + part * grain,
                              panels.begin + std::min(share.end, share.begin + (part + 1) * grain));
        }
    }

    // A row of a layer's input, quantised unless the layer is in float32.
    void quantize(const Team& team, Input x, int row, const Matrix& layer) {
        if (layer.floats.weights) return;
        team.scratch.scales.get()[row] =
            kernels_.quantize(x.at + row * x.stride, layer.smoothing, layer.int8.in, team.scratch.bytes.get(), row);
    }

    void project(const Team& team, Range rows, const Matrix& layer, Range panels, const float* states, float* out,
                 size_t stride) {
        const Range part = team.share_of(rows.size());
        const Input x{states + (size_t)rows.begin * d_, (size_t)d_};
        for (int row = part.begin; row < part.end; row++) quantize(team, x, row, layer);
        team.barrier.wait();
        multiply(team, x, rows.size(), layer, panels, Activation::linear, out + rows.begin * stride, stride);
    }

    void attend(int thread, std::atomic<int>& next, bool cut) {
        const int heads = model_.shape.heads, width = model_.head_width();
        // as many tasks as threads can share evenly: heads of a text, or some queries of one head
        const int pieces = threads_ > 1 ? divided(4 * threads_, batch_.texts) : 1, many = std::max(1, heads / pieces);
        const int groups = divided(heads, many);
        const int parts = std::clamp(divided(pieces, heads), 1, divided(longest_, kLeastQueries));
        const int64_t tasks = (int64_t)batch_.texts * groups * parts;
        for (int64_t task = next.fetch_add(1); task < tasks; task = next.fetch_add(1)) {
            const int text = (int)(task / (groups * parts)), start = starts_[text];
            const int head_start = (int)(task / parts % groups) * many, head_end = std::min(heads, head_start + many);
            const int first = cut ? row_starts_[text] : start, end = cut ? row_starts_[text + 1] : starts_[text + 1];
            const Range queries = share(end - first, (int)(task % parts), parts);
            const size_t stride = cut ? d_ : 3 * d_;
            for (int head = head_start; head < head_end && queries.size(); head++) {
                const size_t column = (size_t)head * width;
                const float* keys = qkv_ + (size_t)start * 3 * d_ + d_ + column;
                kernels_.attend((cut ? queries_ : qkv_) + (first + queries.begin) * stride + column, stride,
                                queries.size(), keys, keys + d_, 3 * d_,
                                (int)(batch_.attended ? batch_.attended[text] : batch_.lengths[text]), width,
                                workspace_.attention[thread].get());
            }
        }
    }

    // From contexts to the layer's output, in place of its input.
    void finish(const Team& team, Range rows, const Layer& layer, const float* contexts, size_t stride, float* states) {
        const Scratch& scratch = team.scratch;
        float *attended = scratch.attended.get(), *wide = scratch.wide.get(), *narrow = scratch.narrow.get();
        const int count = rows.size(), dim = model_.shape.dim;
        const Range part = team.share_of(count);
        const Input context{contexts + rows.begin * stride, stride}, middle{attended, (size_t)d_},
            widened{wide, wide_stride()};
        states += (size_t)rows.begin * d_;
        for (int row = part.begin; row < part.end; row++) quantize(team, context, row, layer.attention_out);
        team.barrier.wait();
        multiply(team, context, count, layer.attention_out, {0, d_ / kPanel}, Activation::linear, attended, d_);
        team.barrier.wait();
        for (int row = part.begin; row < part.end; row++) {
            float* x = attended + (size_t)row * d_;
            kernels_.norm(x, states + (size_t)row * d_, layer.attention_norm, dim, x);
            quantize(team, middle, row, layer.widen);
        }
        team.barrier.wait();
        multiply(team, middle, count, layer.widen, {0, f_ / kPanel}, model_.shape.activation, wide, wide_stride());
        team.barrier.wait();
        for (int row = part.begin; row < part.end; row++) quantize(team, widened, row, layer.narrow);
        team.barrier.wait();
        multiply(team, widened, count, layer.narrow, {0, d_ / kPanel}, Activation::linear, narrow, d_);
        team.barrier.wait();
        for (int row = part.begin; row < part.end; row++)
            kernels_.norm(narrow + (size_t)row * d_, attended + (size_t)row * d_, layer.output_norm, dim,
                          states + (size_t)row * d_);
    }

    void head(int thread, const float* x) {
        const Range rows = share(read_, thread, threads_);
        const size_t outputs = model_.shape.outputs;
        float* hidden = workspace_.head.get();
        const auto dense = [&](const Dense& layer, const float* from) {
            kernels_.dense(from + (size_t)rows.begin * d_, d_, rows.size(), layer, 0, layer.out / kPanel, Activation::linear,
                           {out_ + rows.begin * outputs, outputs, (int)outputs});
        };
        switch (model_.shape.head) {
            case Head::none:
                for (int row = rows.begin; row < rows.end; row++)
                    memcpy(out_ + row * outputs, x + (size_t)row * d_, outputs * sizeof(float));
                return;
            case Head::labels: return dense(model_.first, x);
            case Head::pooled: {
                const Range blocks = share(model_.first.out / kPanel, thread, threads_);
                kernels_.dense(x, d_, read_, model_.first, blocks.begin, blocks.end, Activation::relu, {hidden, (size_t)d_, d_});
                everyone_.wait();
                return dense(model_.second, hidden);
            }
            case Head::masked_lm: return vocabulary(thread, rows, x, hidden);
        }
    }

    void vocabulary(int thread, Range rows, const float* x, float* hidden) {
        uint8_t* bytes = workspace_.head_bytes.get();
        float* scales = workspace_.head_scales.get();
        const auto multiply = [&](const Linear& layer, Activation activation, Rows to) {
            const Range part = share(layer.out / kPanel, thread, threads_);
            kernels_.linear(bytes, scales, read_, layer, part.begin, part.end, activation, to);
        };
        const auto quantize = [&](const float* from, int row) {
            scales[row] = kernels_.quantize(from + (size_t)row * d_, nullptr, d_, bytes, row);
        };
        for (int row = rows.begin; row < rows.end; row++) quantize(x, row);
        everyone_.wait();
        multiply(model_.transform, model_.shape.activation, {hidden, (size_t)d_, d_});
        everyone_.wait();
        for (int row = rows.begin; row < rows.end; row++) {
            float* y = hidden + (size_t)row * d_;
            kernels_.norm(y, nullptr, model_.transform_norm, model_.shape.dim, y);
            quantize(hidden, row);
        }
        everyone_.wait();
        const int outputs = model_.shape.outputs;
        multiply(model_.projector, Activation::linear, {out_, (size_t)outputs, outputs});
    }

    const Model& model_;
    const Kernels& kernels_;
    const Batch& batch_;
    Workspace& workspace_;
    const int threads_, read_;
    float* const out_;
    const int d_, f_;  // padded widths
    int longest_ = 0;
    std::vector<int> starts_, row_starts_;
    Barrier everyone_;
    Split tokens_, chosen_;
    std::vector<std::atomic<int>> next_;
    float *states_ = nullptr, *qkv_ = nullptr, *read_states_ = nullptr, *queries_ = nullptr;
};

}  // namespace

void encode(const Model& model, const Batch& batch, Workspace& workspace, Pool* pool, int threads, float* out) {
    if (pool && model.products() * batch.tokens >= kAlone) {
        Run run(model, batch, workspace, threads, out);
        if (pool->try_run([&run](int thread) { run.work(thread); })) return;
    }
    Run(model, batch, workspace, 1, out).work(0);  // short, or beside a long batch, which must not keep it waiting
}
