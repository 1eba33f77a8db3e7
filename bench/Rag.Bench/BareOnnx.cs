using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.Tokenizers;

namespace Rag.Bench;

/// <summary>The model with nothing around it: Microsoft's tokenizer and one session.</summary>
internal sealed class BareOnnx : IDisposable
{
    private const int MaxTokens = 256;
    private static readonly string[] Inputs = ["input_ids", "attention_mask", "token_type_ids"];
    private static readonly string[] Outputs = ["sentence_embedding"];

    private readonly InferenceSession _session;
    private readonly BertTokenizer _tokenizer;

    /// <param name="threads">Threads within one run; 0 leaves it to the library, which takes a thread a core.</param>
    public BareOnnx(int threads)
    {
        string folder = Path.Combine(AppContext.BaseDirectory, "models", "all-MiniLM-L6-v2");
        using var options = new SessionOptions { IntraOpNumThreads = threads };
        _session = new(Directory.GetFiles(folder, "*.onnx").Single(), options);
        _tokenizer = BertTokenizer.Create(Path.Combine(folder, "vocab.txt"));
    }

    public float[] Embed(string text)
    {
        var tokens = _tokenizer.EncodeToIds(text, MaxTokens, out _, out _);
        long[] ids = new long[tokens.Count], mask = new long[tokens.Count];
        for (int i = 0; i < ids.Length; i++) (ids[i], mask[i]) = (tokens[i], 1);
        long[] shape = [1, ids.Length];
        using var idsTensor = OrtValue.CreateTensorValueFromMemory(ids, shape);
        using var maskTensor = OrtValue.CreateTensorValueFromMemory(mask, shape);
        using var typesTensor = OrtValue.CreateTensorValueFromMemory(new long[ids.Length], shape);
        using var options = new RunOptions();
        using var results = _session.Run(options, Inputs, [idsTensor, maskTensor, typesTensor], Outputs);
        return results[0].GetTensorDataAsSpan<float>().ToArray();
    }

    public void Dispose() => _session.Dispose();
}
