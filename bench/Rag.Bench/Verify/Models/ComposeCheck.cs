using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Rag.Answering;
using Rag.Evaluation;
using Rag.Foundation;
using Rag.Indexing;
using Rag.Inference.Generation;
using Rag.Ingestion;
using Rag.Storage;
using Rag.Testing.Claims;
using Rag.Testing.Models;

namespace Rag.Bench.Verify.Models;

/// <summary>
/// The same claims as <c>edits</c> has, streamed by a model over HTTP that cites the passages which it was shown: what reaches the
/// asker after search, prompt, client, splitting, verification and record.
/// </summary>
internal static partial class ComposeCheck
{
    private const int Edits = 2_800, QuickEdits = 280, TruePerKind = 80, QuickTruePerKind = 8;
    private const int MaxCited = 6;
    private static readonly TimeSpan WaitLimit = TimeSpan.FromMinutes(5);

    public static async Task<Measured> MeasureAsync(CheckContext context, CancellationToken ct)
    {
        int seed = Environment.TickCount;
        var random = new Random(seed);
        var source = await ClaimSource.LoadAsync(CheckContext.DataFolder("squad2"), CheckContext.DataFolder("docs"), heldOut: true, ct);
        var made = new ClaimCases(source, seed, heldOut: true);
        ClaimCase[] cases = [.. made.False(context.Quick ? QuickEdits : Edits), .. made.True(context.Quick ? QuickTruePerKind : TruePerKind)];
        await using var model = await ScriptedModel.StartAsync();
        await using var store = await ScratchStore.StartNewAsync(GenerationChecks.ConfigurationOf(model, GenerationOptions.Compose), ct);
        var collection = await store.Get<Collections>().EnsureAsync(Collections.Default, language: null, ct);
        foreach (string text in cases.Select(c => string.Join("\n\n", c.Spans)).Distinct())
            await store.Get<Ingestor>().IngestAsync(collection, new(Sha256.Hex(text) + ".txt", Encoding.UTF8.GetBytes(text)), ct).ToListAsync(ct);
        await store.Get<IIndexer>().WaitForAsync(await store.Get<ChangeLog>().LastAsync(ct), WaitLimit, ct);
        var answerer = store.Get<Answerer>();
        int edits = 0, let = 0, truths = 0, delivered = 0, unseen = 0, replaced = 0;
        var through = new List<string>();
        foreach (var item in cases)
        {
            bool shown = false;
            model.Script = call =>
            {
                int[] numbers = [.. call.Passages.Where(p => item.Spans.Any(s => s.Contains(p.Text, StringComparison.Ordinal))).Select(p => p.Number).Take(MaxCited)];
                shown = numbers.Length > 0;
                return ModelReply.Tokens($"{item.Claim.TrimEnd('.', ' ')} {string.Concat(numbers.Select(n => $"[{n}]"))}.", random.Next(1, 30)) with { BytesAtATime = random.Next(4) == 0 ? random.Next(1, 12) : 0 };
            };
            var answer = (await answerer.AskAsync(new(Question(item), Options: new("lexical", NoCache: true)), ct)).Answer.Answer;
            if (!shown)
            {
                unseen++;
                continue;
            }
            var composed = answer.Sentences.Where(s => s.Kind == AnswerSentence.Composed).ToList();
            replaced += answer.Generation?.Replaced ?? 0;
            if (item.True)
            {
                truths++;
                if (composed.Count > 0 && answer.Generation!.Withheld == 0) delivered++;
                continue;
            }
            edits++;
            // Where a claim is cut into two sentences, the one that was not edited may be delivered: it is the source's own.
            if (!composed.Any(c => !item.Spans.Any(s => Plain(s).Contains(Plain(c.Text), StringComparison.Ordinal)))) continue;
            let++;
            through.Add($"{item.Kind}: {item.Change}");
        }
        if (delivered == 0) throw new InvalidOperationException("Nothing was delivered, so that nothing can have been withheld.");
        string note = string.Create(CultureInfo.InvariantCulture,
            $"seed {seed}: {let} of {edits} edits delivered, {(double)delivered / truths:P1} of {truths} true claims; a quotation in place of {replaced}; {unseen} whose passages were not among those found; {string.Join("; ", through.Take(5))}");
        return new(Math.Round(1 - (double)let / edits, 4), context.Quick ? $"{note}; smaller: {QuickEdits} of {Edits} edits" : note);
    }

    private static string Question(ClaimCase item)
    {
        string[] words = item.Claim.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        string question = "what about " + string.Join(' ', words.Take(25));
        return question.Length > 600 ? question[..600] : question;
    }

    private static string Plain(string text) => Blanks().Replace(text, " ").Trim().TrimEnd('.');

    [GeneratedRegex(@"\s+")]
    private static partial Regex Blanks();
}
