// Random models, batches and threads through the C interface, for the sanitizers and for processors that are emulated:
//   fuzz [seed [models]]
// Every kernel of the processor must give the generic one's integers exactly, its models' outputs but for roundings to
// int8, and the same bits on any number of threads. Batches that do not fit must be refused.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "../src/interface.h"

static std::mt19937 generator;

static int any(int least, int most) { return std::uniform_int_distribution<int>(least, most)(generator); }

static float number(float middle = 0) { return std::normal_distribution<float>(middle, 0.2f)(generator); }

static void require(bool right, const std::string& what) {
    if (right) return;
    fprintf(stderr, "wrong: %s\n", what.c_str());
    exit(1);
}

struct Target {
    std::string name;
    int group = 0, bits = 0;
};

static std::vector<Target> targets() {
    std::vector<Target> found;
    Target target;
    while (const char* name = distilbert_kernels((int)found.size(), &target.group, &target.bits)) {
        target.name = name;
        found.push_back(target);
    }
    return found;
}

// int8 [in][out] -> [out / 16][in / group][16][group]
static std::vector<int8_t> packed(const std::vector<int8_t>& w, int in, int out, int group) {
    std::vector<int8_t> panels(w.size());
    for (int k = 0; k < in; k++)
        for (int n = 0; n < out; n++)
            panels[((size_t)(n / 16 * (in / group) + k / group) * 16 + n % 16) * group + k % group] = w[k * out + n];
    return panels;
}

static std::vector<int32_t> sums(const std::vector<int8_t>& w, int in, int out) {
    std::vector<int32_t> totals(out);
    for (int k = 0; k < in; k++)
        for (int n = 0; n < out; n++) totals[n] += w[k * out + n];
    return totals;
}

// The weights of a random model, their memory kept, in the order of model.cpp. Padding is zero.
struct Weights {
    std::vector<std::vector<char>> kept;
    std::vector<Weight> list;

    template <typename T>
    void add(const std::vector<T>& values) {
        const char* bytes = (const char*)values.data();
        kept.emplace_back(bytes, bytes + values.size() * sizeof(T));
        list.push_back({kept.back().data(), kept.back().size()});
    }
    void vector(int real, int size, float middle = 0) {
        std::vector<float> values(size);
        for (int i = 0; i < real; i++) values[i] = number(middle);
        add(values);
    }
    void table(int rows, int width, int bits) {
        std::vector<int8_t> values((size_t)rows * (bits == 4 ? (width + 1) / 2 : width));
        for (auto& value : values) value = (int8_t)any(-127, 127);
        add(values);
        add(std::vector<float>(rows, 0.007f));
    }
    void linear(int real_in, int real_out, int group, int parts = 1) {
        const int in = padded(real_in), part = padded(real_out), out = parts * part;
        std::vector<int8_t> w((size_t)in * out);
        std::vector<float> scale(out), bias(out);
        for (int n = 0; n < out; n++) {
            if (n % part >= real_out) continue;
            for (int k = 0; k < real_in; k++) w[k * out + n] = (int8_t)any(-63, 63);
            scale[n] = 0.03f / std::sqrt((float)real_in), bias[n] = number();
        }
        add(packed(w, in, out, group));
        add(scale);
        add(bias);
        add(sums(w, in, out));
    }
    // int8 or float32, with a vector for smoothing where the model has them.
    void matrix(int real_in, int real_out, int group, bool smoothed, int parts = 1) {
        if (!any(0, 2)) return dense(real_in, real_out, parts);
        linear(real_in, real_out, group, parts);
        if (smoothed) vector(real_in, padded(real_in), 1);
    }
    void norm(int width) { vector(width, padded(width), 1), vector(width, padded(width)); }
    void dense(int real_in, int real_out, int parts = 1) {
        const int in = padded(real_in), part = padded(real_out), out = parts * part;
        std::vector<float> w((size_t)in * out), bias(out);
        for (int n = 0; n < out; n++) {
            if (n % part >= real_out) continue;
            for (int k = 0; k < real_in; k++) w[((size_t)(n / 16) * in + k) * 16 + n % 16] = number();
            bias[n] = number();
        }
        add(w);
        add(bias);
    }
};

static Weights weights_of(const Shape& shape, int group, unsigned seed) {
    generator.seed(seed);
    Weights w;
    const int d = shape.dim;
    w.table(shape.vocabulary, d, shape.word_bits), w.table(shape.positions, d, 8), w.norm(d);
    for (int i = 0; i < shape.layers; i++) {
        w.matrix(d, d, group, shape.smoothed, 3), w.matrix(d, d, group, false), w.norm(d);
        w.matrix(d, shape.hidden_dim, group, shape.smoothed), w.matrix(shape.hidden_dim, d, group, false), w.norm(d);
    }
    if (shape.head == Head::labels) w.dense(d, shape.outputs);
    if (shape.head == Head::pooled) w.dense(d, d), w.dense(d, shape.outputs);
    if (shape.head == Head::masked_lm) w.linear(d, d, group), w.norm(d), w.linear(d, shape.vocabulary, group);
    return w;
}

struct Texts {
    std::vector<int64_t> ids, lengths, rows, attended;
    bool choose, part;

    std::vector<float> run(Engine* engine, int outputs, int32_t wanted = kNone) const {
        std::vector<float> out((choose ? rows.size() : ids.size()) * outputs);
        const int32_t fault =
            distilbert_run(engine, ids.data(), ids.size(), lengths.data(), lengths.size(), choose ? rows.data() : nullptr,
                           rows.size(), part ? attended.data() : nullptr, out.data(), out.size());
        require(fault == wanted, "fault " + std::to_string(fault) + ", not " + std::to_string(wanted));
        return out;
    }
};

static Texts texts_of(const Shape& shape, int most_texts) {
    Texts texts;
    texts.choose = any(0, 1), texts.part = !any(0, 2);
    const int count = any(1, most_texts);
    for (int text = 0; text < count; text++) {
        texts.lengths.push_back(any(1, shape.positions));
        texts.attended.push_back(any(1, (int)texts.lengths.back()));
        for (int i = 0; i < texts.lengths.back(); i++) {
            if (texts.rows.empty() || !any(0, 3)) texts.rows.push_back((int64_t)texts.ids.size());
            texts.ids.push_back(any(0, shape.vocabulary - 1));
        }
    }
    return texts;
}

// Each kind of damage, and the fault that it is.
static void check_refused(Engine* engine, const Shape& shape, const Texts& good) {
    const int64_t bad_ids[] = {-1, shape.vocabulary, INT64_MAX, INT64_MIN};
    const int64_t bad_lengths[] = {0, -1, shape.positions + 1, INT64_MAX, INT64_MIN};
    for (int64_t bad : bad_ids) {
        Texts texts = good;
        texts.ids[any(0, (int)texts.ids.size() - 1)] = bad;
        texts.run(engine, shape.outputs, kIds);
    }
    for (int64_t bad : bad_lengths) {
        Texts texts = good;
        texts.part = false;
        texts.lengths[any(0, (int)texts.lengths.size() - 1)] = bad;
        texts.run(engine, shape.outputs, kLengths);
    }
    Texts texts = good;
    texts.choose = true;
    texts.rows.assign({(int64_t)texts.ids.size()});
    texts.run(engine, shape.outputs, kRows);
    texts.rows.assign({0, 0});
    texts.run(engine, shape.outputs, kRows);
    texts = good;
    texts.part = true;
    texts.attended[0] = texts.lengths[0] + 1;
    texts.run(engine, shape.outputs, kAttended);
}

static void check_products(const Target& target) {
    const int rows = any(1, 70), in = 16 * any(1, 20), out = 16 * any(1, 9), most = (1 << (target.bits - 1)) - 1;
    std::vector<int8_t> a((size_t)rows * in), w((size_t)in * out);
    for (auto& value : a) value = (int8_t)(any(0, 2) ? any(-127, 127) : 127);
    for (auto& value : w) value = (int8_t)(any(0, 2) ? any(-most, most) : most);
    std::vector<int32_t> found((size_t)rows * out);
    distilbert_product(target.name.c_str(), a.data(), rows, packed(w, in, out, target.group).data(),
                       sums(w, in, out).data(), in, out, found.data());
    for (int r = 0; r < rows; r++)
        for (int n = 0; n < out; n++) {
            int32_t exact = 0;
            for (int k = 0; k < in; k++) exact += a[r * in + k] * w[k * out + n];
            require(found[r * out + n] == exact, target.name + ": an integer");
        }
}

// Half of the outputs at least must be as near as they mostly are to the largest's size, all within a fifth. AMX's
// attention differs in the fifth digit, so that more numbers fall on other sides of roundings.
static void require_close(const std::vector<float>& one, const std::vector<float>& other, const std::string& what) {
    float largest = 1e-6f;
    size_t off = 0;
    const float near = what.find("amx") == std::string::npos ? 1e-3f : 5e-2f;
    for (float value : one) largest = std::max(largest, std::fabs(value));
    for (size_t i = 0; i < one.size(); i++) {
        const float error = std::fabs(one[i] - other[i]) / largest;
        require(error < 0.2f, what + ": an output");
        off += error > near;
    }
    require(2 * off <= one.size() + 1, what + ": most outputs");
}

static void check_model(unsigned seed) {
    generator.seed(seed);
    Shape shape{};
    shape.heads = any(1, 4), shape.dim = shape.heads * any(1, 30), shape.hidden_dim = any(1, 100);
    shape.layers = any(1, 3), shape.vocabulary = any(1, 120), shape.positions = any(2, 150);
    shape.activation = (Activation)any(0, 7), shape.head = (Head)any(0, 3);
    shape.outputs = shape.head == Head::none ? shape.dim : shape.head == Head::masked_lm ? shape.vocabulary : any(1, 40);
    shape.word_bits = any(0, 1) ? 8 : 4, shape.smoothed = any(0, 1);
    const Texts texts = texts_of(shape, any(0, 1) ? 2 : 12);
    const int threads[] = {1, 2, any(3, 9)};
    std::vector<float> reference;
    const std::vector<Target> all = targets();
    for (auto target = all.rbegin(); target != all.rend(); ++target) {  // the generic one first
        const Weights weights = weights_of(shape, target->group, seed);
        std::vector<float> first;
        for (int count : threads) {
            int32_t fault = 0;
            Engine* engine = distilbert_open(target->name.c_str(), &shape, weights.list.data(), weights.list.size(), count,
                                             &fault);
            require(engine, "a model opens");
            const std::vector<float> out = texts.run(engine, shape.outputs);
            if (first.empty()) first = out;
            require(out == first, target->name + ": threads change a result");
            std::vector<std::thread> callers;
            for (int caller = 0; caller < 3; caller++)
                callers.emplace_back([&] { require(texts.run(engine, shape.outputs) == first, "callers at once"); });
            for (auto& caller : callers) caller.join();
            check_refused(engine, shape, texts);
            distilbert_close(engine);
            std::vector<Weight> fewer(weights.list);
            fewer[any(0, (int)fewer.size() - 1)].bytes -= 1;
            require(!distilbert_open(target->name.c_str(), &shape, fewer.data(), fewer.size(), 1, &fault) &&
                        fault == kWeights, "weights of another size");
        }
        if (reference.empty()) reference = first;
        require_close(reference, first, target->name);
    }
}

int main(int count, char** arguments) {
    const unsigned seed = count > 1 ? (unsigned)atoi(arguments[1]) : 0;
    const int models = count > 2 ? atoi(arguments[2]) : 20;
    for (const Target& target : targets()) {
        for (int turn = 0; turn < models; turn++) check_products(target);
        printf("%s ", target.name.c_str());
    }
    for (int turn = 0; turn < models; turn++) check_model(seed + turn);
    printf("%d products and models\n", models);
}
