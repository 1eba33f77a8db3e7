using System.Numerics.Tensors;
using System.Text.Json;
using Rag.Inference;

namespace Rag.Tests.Inference;

/// <summary>The published tokens and vectors of 22 awkward texts, and the shipped model that must reproduce them.</summary>
internal static class ReferenceVectors
{
    public sealed record Entry(string Text, long[] Ids, float[] Int8, float[] Fp32);

    public static string ModelFolder { get; } = new InferenceOptions().ModelPath;

    public static string ModelFile { get; } = Path.Combine(ModelFolder, "all-MiniLM-L6-v2.int8.onnx");

    public static WordPieceTokenizer Tokenizer { get; } =
        new(WordPieceVocabulary.Load(Path.Combine(ModelFolder, "vocab.txt")));

    public static IReadOnlyList<Entry> Entries { get; } = Read();

    public static float Cosine(float[] a, float[] b) => TensorPrimitives.CosineSimilarity<float>(a, b);

    private static Entry[] Read()
    {
        var root = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(root.FullName, "Rag.slnx")))
            root = root.Parent ?? throw new InvalidOperationException("The tests do not run inside the repository.");
        string file = Path.Combine(root.FullName, "tests", "Rag.Tests", "Inference", "reference.jsonl");
        return [.. File.ReadLines(file).Select(line =>
        {
            using var json = JsonDocument.Parse(line);
            var entry = json.RootElement;
            return new Entry(
                entry.GetProperty("text").GetString()!,
                [.. entry.GetProperty("input_ids").EnumerateArray().Select(e => e.GetInt64())],
                [.. entry.GetProperty("int8").EnumerateArray().Select(e => e.GetSingle())],
                [.. entry.GetProperty("fp32").EnumerateArray().Select(e => e.GetSingle())]);
        })];
    }
}
