using System.Diagnostics;
using System.Text;
using Microsoft.Extensions.Configuration;
using Rag.Answering;
using Rag.Answering.Generation;
using Rag.Evaluation;
using Rag.Foundation;
using Rag.Indexing;
using Rag.Inference.Generation;
using Rag.Ingestion;
using Rag.Storage;
using Rag.Testing.Models;

namespace Rag.Bench.Verify.Models;

/// <summary>What holds of a language model's answers, whatever the model does.</summary>
internal static class GenerationChecks
{
    private const int Replies = 100_000, QuickReplies = 10_000, OverHttp = 3_000, QuickOverHttp = 150;
    private const int Replayed = 400, QuickReplayed = 40;
    private const int MaxShown = 6;
    private static readonly TimeSpan WaitLimit = TimeSpan.FromMinutes(5);

    public static IEnumerable<Check> All()
    {
        yield return new("select-verbatim", "delivered sentences that are not verbatim at their span, whatever a selecting model replies", Relation.AtMost, 0, SelectAsync);
        yield return new("first-token", "ms that are added to a model's own time to its first token, p95 of pairs, the slower of both modes", Relation.AtMost, 50, FirstTokenCheck.MeasureAsync);
        yield return new("killed-model", "answers that are not whole, not marked or not there when the model is killed or frozen in the middle", Relation.AtMost, 0, KilledModelCheck.MeasureAsync);
        yield return new("cached-model", "requests/s of a cached answer that a model made, against a cached extractive one", Relation.AtLeast, 0.9, CachedAsync);
        yield return new("replay-model", "replays that show other evidence, another prompt or another model, or that ask the model again", Relation.AtMost, 0, ReplayAsync);
    }

    private static async Task<Measured> SelectAsync(CheckContext context, CancellationToken ct)
    {
        await using var model = await ScriptedModel.StartAsync();
        await using var store = await StoreAsync(model, GenerationOptions.Select, context, ct);
        var texts = new Texts(store.Get<DocumentRecord>());
        var wrong = new List<string>();
        var random = new Random(31);
        int replies = context.Quick ? QuickReplies : Replies, asked = context.Quick ? QuickOverHttp : OverHttp;
        int sentences = 0, failed = 0;
        for (int i = 0; i < replies - asked; i++)
        {
            var (answer, fault) = await InProcessAsync(store, random, ct);
            if (fault) failed++;
            sentences += answer.Sentences.Count;
            if (await DifferenceAsync(answer, texts, ct) is { } difference) wrong.Add(difference);
        }
        // And through everything: search, HTTP, the client library, the record.
        model.Script = call =>
        {
            lock (random)
            {
                string reply = HostileReplies.Next(random, call.Passages.Count);
                return reply.Length == 0 ? new([], Ending.Silent) : ModelReply.Tokens(Valid(reply), random.Next(1, 40), random.Next(12) == 0 ? Ending.Cut : Ending.Done) with { BytesAtATime = random.Next(8) == 0 ? random.Next(1, 9) : 0 };
            }
        };
        var answerer = store.Get<Answerer>();
        int degraded = 0, answered = 0, sent = 0;
        foreach (string question in Questions(store, random, asked))
        {
            var answer = (await answerer.AskAsync(new(question, Options: new("lexical", NoCache: true)), ct)).Answer.Answer;
            sent += answer.Sentences.Count;
            if (answer.Degraded) degraded++;
            if (answer.Outcome == Answer.Answered) answered++;
            if (answer.Sentences.Any(s => s.Kind == AnswerSentence.Composed)) wrong.Add("a selecting model's words were delivered");
            if (await DifferenceAsync(answer, texts, ct) is { } difference) wrong.Add(difference);
        }
        if (sentences == 0 || sent == 0) throw new InvalidOperationException("Nothing was delivered, so that nothing was compared.");
        string note = $"{replies - asked} replies in process ({failed} of them nonsense), {sentences} sentences; {asked} over HTTP ({model.Calls.Count} calls, {degraded} answers marked, {answered} answered), {sent} sentences";
        if (context.Quick) note += $"; smaller: {replies} of {Replies} replies";
        return new(wrong.Count, wrong.Count == 0 ? note : $"{note}; {string.Join("; ", wrong.Take(10))}");
    }

    /// <summary>A reply in pieces through the same reader, draft, record and rendering as in the product, without the wire.</summary>
    private static async Task<(Answer Answer, bool Fault)> InProcessAsync(ScratchStore store, Random random, CancellationToken ct)
    {
        var chunks = ChunksOf(store);
        var evidence = Enumerable.Range(0, random.Next(1, MaxShown)).Select(_ => chunks[random.Next(chunks.Count)]).Distinct().Select(c => new Evidence(c, 1, 1, 1)).ToList();
        var sheet = EvidenceSheet.Of(evidence, random.Next(50, 4_000));
        var draft = new AnswerDraft(evidence, null);
        var selecting = new Selecting(sheet, evidence, draft);
        bool fault = false;
        try
        {
            bool more = true;
            string reply = HostileReplies.Next(random, sheet.Count);
            int size = random.Next(1, 60);
            for (int at = 0; more && at < reply.Length; at += size) more = await selecting.TakeAsync(reply.Substring(at, Math.Min(size, reply.Length - at)));
            if (more) await selecting.TakeAsync(null);
        }
        catch (ModelFaultException)
        {
            fault = true;
        }
        ct.ThrowIfCancellationRequested();
        var numbers = new SourceNumbers();
        var kept = AnswerRendering.Keep("id", evidence, draft.Sentences, numbers);
        var record = new AnswerRecord(
            "id", "question", "c", Collections.Default, "en", Answer.Answered, "lexical", true, Prompts.SelectVersion, 1, null, 1, 0, [], [], [.. numbers.Units.Select(u => new RecordedChoice(u.Evidence, u.Unit))], null,
            new(GenerationOptions.Select, Sentences: kept));
        return (AnswerRendering.Render(record, evidence, null), fault);
    }

    private static async Task<Measured> CachedAsync(CheckContext context, CancellationToken ct)
    {
        await using var model = await ScriptedModel.StartAsync();
        var result = await CachedBench.RunModelAsync(context.Quick, [.. SettingsOf(model, GenerationOptions.Compose)], ct);
        string note = $"{result.Ours} against {result.Baseline} {result.Unit}; {result.Rounds} rounds from {result.RatioLow} to {result.RatioHigh}; {string.Join(", ", result.Detail.Select(d => $"{d.Key} {d.Value}"))}; the model was asked {model.Calls.Count} time(s)";
        return new(result.Ratio!.Value, context.Quick ? note + "; smaller: fewer and shorter rounds" : note);
    }

    private static async Task<Measured> ReplayAsync(CheckContext context, CancellationToken ct)
    {
        await using var model = await ScriptedModel.StartAsync();
        var wrong = new List<string>();
        int answers = 0, composed = 0;
        foreach (string mode in new[] { GenerationOptions.Select, GenerationOptions.Compose })
        {
            await using var store = await StoreAsync(model, mode, context, ct);
            var random = new Random(32);
            var given = new List<Answer>();
            foreach (string question in Questions(store, random, (context.Quick ? QuickReplayed : Replayed) / 2))
            {
                IReadOnlyList<AskTurn>? history = given.Count % 5 == 4 ? [new(given[^1].Question, given[^1].Text.Length < AskTurn.MaxAnswerChars ? given[^1].Text : null)] : null;
                given.Add((await store.Get<Answerer>().AskAsync(new(question, Options: new("lexical", NoCache: true), History: history), ct)).Answer.Answer);
            }
            int calls = model.Calls.Count;
            var replays = store.Get<AnswerReplay>();
            foreach (var answer in given)
            {
                answers++;
                composed += answer.Sentences.Count(s => s.Kind == AnswerSentence.Composed);
                var (replay, shown) = (await replays.ReplayAsync(answer.Id, ct), await replays.ShowAsync(answer.Id, ct));
                if (!replay.Same) wrong.Add(replay.Difference!);
                else if (!replay.Sources.SequenceEqual(answer.Sources)) wrong.Add("the replay shows other sources");
                else if (replay.Generation != answer.Generation) wrong.Add("the replay shows another model or prompt");
                if (shown.Text != answer.Text || !shown.Sentences.SequenceEqual(answer.Sentences) || shown.Generation != answer.Generation) wrong.Add("the answer is shown otherwise than it was given");
            }
            if (model.Calls.Count != calls) wrong.Add("the model was asked again");
        }
        if (composed == 0) throw new InvalidOperationException("No answer had a composed sentence.");
        string note = $"{answers} answers in both modes, {composed} composed sentences among them, every fifth of a conversation";
        return new(wrong.Count, wrong.Count == 0 ? note : $"{note}; {string.Join("; ", wrong.Distinct().Take(10))}");
    }

    /// <summary>A service with generated and real documents that asks the model.</summary>
    public static async Task<ScratchStore> StoreAsync(ScriptedModel model, string mode, CheckContext context, CancellationToken ct)
    {
        var store = await ScratchStore.StartNewAsync(ConfigurationOf(model, mode), ct);
        var collection = await store.Get<Collections>().EnsureAsync(Collections.Default, language: null, ct);
        var random = new Random(33);
        var files = Enumerable.Range(0, 30).Select(i => AwkwardText.File(i, random)).ToList();
        var docs = Directory.EnumerateFiles(CheckContext.DataFolder("docs"), "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal).Where((_, i) => !context.Quick || i % 8 == 0).Take(200);
        foreach (string path in docs) files.Add(new(path, await File.ReadAllBytesAsync(path, ct)));
        foreach (var file in files) await store.Get<Ingestor>().IngestAsync(collection, file, ct).ToListAsync(ct);
        await store.Get<IIndexer>().WaitForAsync(await store.Get<ChangeLog>().LastAsync(ct), WaitLimit, ct);
        return store;
    }

    /// <summary>Of a service without embeddings that asks the model and never leaves it alone.</summary>
    public static IConfiguration ConfigurationOf(ScriptedModel model, string mode) => new ConfigurationBuilder().AddConfiguration(Settings.NoModel)
        .AddInMemoryCollection([.. SettingsOf(model, mode).Append("Generation:BreakerFailures=100000").Select(s => s.Split('=', 2)).Select(s => new KeyValuePair<string, string?>(s[0], s[1]))]).Build();

    public static IEnumerable<string> SettingsOf(ScriptedModel model, string mode) =>
        ["Generation:Provider=openai", $"Generation:Endpoint={model.Endpoint}", $"Generation:Model={ScriptedModel.Name}", $"Generation:Mode={mode}"];

    /// <summary>Words of units of the documents, as somebody might ask for them.</summary>
    public static IEnumerable<string> Questions(ScratchStore store, Random random, int count)
    {
        var chunks = ChunksOf(store);
        for (int i = 0; i < count; i++)
        {
            IndexedChunk chunk;
            UnitSpan unit;
            string[] words;
            lock (random)
            {
                chunk = chunks[random.Next(chunks.Count)];
                unit = chunk.Units[random.Next(chunk.Units.Count)];
                words = chunk.TextOf(unit).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
            }
            string question = "what about " + string.Join(' ', words.Take(10));
            yield return question.Length > 800 ? question[..(char.IsHighSurrogate(question[799]) ? 799 : 800)] : question;
        }
    }

    private static List<IndexedChunk>? _chunks;
    private static ScratchStore? _chunksOf;

    private static List<IndexedChunk> ChunksOf(ScratchStore store)
    {
        if (_chunksOf == store) return _chunks!;
        using var snapshot = store.Get<IndexStore>().Open.Single().Acquire();
        var live = Lucene.Net.Index.MultiFields.GetLiveDocs(snapshot.Reader);
        (_chunks, _chunksOf) = (Enumerable.Range(0, snapshot.Reader.MaxDoc).Where(d => live is null || live.Get(d)).Select(snapshot.Load).ToList(), store);
        return _chunks;
    }

    private static async Task<string?> DifferenceAsync(Answer answer, Texts texts, CancellationToken ct)
    {
        foreach (var source in answer.Sources)
        {
            string text = await texts.OfAsync(source, ct);
            if (source.Start < 0 || source.End > text.Length || source.Start >= source.End) return $"{source.Uri}: the span lies outside the text";
            if (!text.AsSpan(source.Start, source.End - source.Start).SequenceEqual(source.Quote)) return $"{source.Uri}: the quote is not what stands there";
            if (Sha256.Hex(source.Quote) != source.Sha256) return $"{source.Uri}: the digest is of something else";
        }
        foreach (var sentence in answer.Sentences.Where(s => s.Kind != AnswerSentence.Composed))
        {
            if (sentence.Source < 1 || sentence.Source > answer.Sources.Count) return "a sentence has no source";
            if (answer.Sources[sentence.Source - 1].Quote != sentence.Text) return "a sentence is not its quote";
        }
        string expected = string.Concat(answer.Sentences.Select(s => s.Text)).ReplaceLineEndings("").Replace(" ", "", StringComparison.Ordinal);
        return answer.Outcome == Answer.Abstained || answer.Text.ReplaceLineEndings("").Replace(" ", "", StringComparison.Ordinal) == expected ? null : "the answer's text is not its sentences";
    }

    /// <summary>JSON over the wire has no halves of characters.</summary>
    private static string Valid(string text) => Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));

    /// <summary>The texts of the record, each read once.</summary>
    private sealed class Texts(DocumentRecord record)
    {
        private readonly Dictionary<(string, long), string> _texts = [];

        public async Task<string> OfAsync(AnswerSource source, CancellationToken ct)
        {
            if (!_texts.TryGetValue((source.Document, source.Version), out string? text))
                _texts[(source.Document, source.Version)] = text = await record.TextAsync(source.Document, source.Version, ct) ?? "";
            return text;
        }
    }
}
