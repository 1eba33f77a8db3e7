using System.Numerics.Tensors;
using Microsoft.Extensions.AI;
using Rag.Foundation;
using Rag.Inference;
using Shouldly;
using Xunit;

namespace Rag.Tests.Inference;

public sealed class OnnxEmbeddingGeneratorTests : IDisposable
{
    private readonly OnnxEmbeddingGenerator _generator = new(ReferenceVectors.ModelFile, ReferenceVectors.Tokenizer, 2);

    public void Dispose() => _generator.Dispose();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private async Task<float[][]> EmbedAsync(params string[] texts) =>
        [.. (await _generator.GenerateAsync(texts, cancellationToken: Cancel)).Select(e => e.Vector.ToArray())];

    /// <summary>Whether this is the kind of processor that the int8 reference was made on.</summary>
    private static bool HasVnni() => File.Exists("/proc/cpuinfo") && File.ReadAllText("/proc/cpuinfo").Contains("avx512_vnni", StringComparison.Ordinal);

    [Fact]
    public async Task Vectors_agree_with_the_published_ones()
    {
        var vectors = await EmbedAsync([.. ReferenceVectors.Entries.Select(e => e.Text)]);
        var int8 = new List<float>();
        var fp32 = new List<float>();
        foreach (var (entry, vector) in ReferenceVectors.Entries.Zip(vectors))
        {
            vector.Length.ShouldBe(384);
            TensorPrimitives.Norm<float>(vector).ShouldBe(1, 1e-3);
            int8.Add(ReferenceVectors.Cosine(vector, entry.Int8));
            fp32.Add(ReferenceVectors.Cosine(vector, entry.Fp32));
        }
        TestContext.Current.TestOutputHelper?.WriteLine($"least cosine: int8 {int8.Min():F5}, fp32 {fp32.Min():F5}");
        fp32.Min().ShouldBeGreaterThanOrEqualTo(0.97f);
        if (HasVnni()) int8.Min().ShouldBeGreaterThanOrEqualTo(0.999f);
    }

    [Fact]
    public async Task A_text_has_the_same_vector_alone_and_among_others_in_their_order()
    {
        string[] texts = [.. ReferenceVectors.Entries.Select(e => e.Text).Concat(ReferenceVectors.Entries.Select(e => e.Text).Reverse())];
        var together = await EmbedAsync(texts);
        for (int i = 0; i < texts.Length; i++)
            (await EmbedAsync(texts[i]))[0].ShouldBe(together[i], texts[i]);
    }

    [Fact]
    public async Task Many_callers_at_once_get_their_own_vectors()
    {
        var alone = new List<float[]>();
        foreach (var entry in ReferenceVectors.Entries) alone.Add((await EmbedAsync(entry.Text))[0]);
        var at = await Task.WhenAll(Enumerable.Range(0, 64).Select(i => Task.Run(() => EmbedAsync(ReferenceVectors.Entries[i % 22].Text), Cancel)));
        for (int i = 0; i < at.Length; i++) at[i][0].ShouldBe(alone[i % 22]);
    }

    [Fact]
    public async Task No_texts_give_no_vectors() => (await EmbedAsync()).ShouldBeEmpty();

    [Fact]
    public async Task A_cancelled_batch_ends_early()
    {
        using var source = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        var batch = _generator.GenerateAsync(Enumerable.Repeat(ReferenceVectors.Entries[19].Text, 5_000), cancellationToken: source.Token);
        await source.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(batch);
        (await EmbedAsync("still works"))[0].Length.ShouldBe(384);
    }

    [Fact]
    public void A_file_that_is_no_model_is_refused_with_its_reason()
    {
        string broken = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName() + ".onnx");
        File.WriteAllText(broken, "not a model");
        try
        {
            var e = Should.Throw<RagException>(() => new OnnxEmbeddingGenerator(broken, ReferenceVectors.Tokenizer, 1));
            e.Message.ShouldContain(broken);
        }
        finally
        {
            File.Delete(broken);
        }
    }
}
