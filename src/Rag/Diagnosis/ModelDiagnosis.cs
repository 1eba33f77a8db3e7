using System.Diagnostics;
using System.Globalization;
using Rag.Foundation;
using Rag.Inference.Generation;

namespace Rag.Diagnosis;

/// <summary>Whether the language model that is configured answers; it is asked for one word.</summary>
internal sealed class ModelDiagnosis(LanguageModel model, GenerationOptions options) : IDiagnosis
{
    private const string Meaning = "Answers are extracted from the documents instead, and marked as degraded.";

    public string Area => Areas.Model;

    public async Task<IReadOnlyList<Finding>> LookAsync(DoctorRequest request, CancellationToken ct)
    {
        var findings = new Findings(Area);
        if (!model.Configured)
        {
            findings.Ok("none", "There is no language model; answers are extracted.", "Generation:Provider is none");
            return findings;
        }
        long started = Stopwatch.GetTimestamp();
        string where = $"{model.Name} at {options.Endpoint}";
        try
        {
            await model.RunAsync(LanguageModelWatch.Word, TimeSpan.FromMilliseconds(options.TimeoutMs), static _ => ValueTask.FromResult(false), ct);
            double firstMs = Stopwatch.GetElapsedTime(started).TotalMilliseconds;
            findings.Ok("answers", "The language model answers.", string.Create(CultureInfo.InvariantCulture, $"{where}: first piece after {firstMs:F0} ms, of {options.FirstTokenMs} ms that it may take"));
        }
        catch (RagException e)
        {
            findings.Warning("away", e.Message, $"{where}. {e.Remedy}", Meaning, "rag config show");
        }
        return findings;
    }
}
