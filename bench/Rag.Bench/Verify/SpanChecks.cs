using System.Text;
using Rag.Answering;
using Rag.Evaluation;
using Rag.Foundation;
using Rag.Indexing;
using Rag.Ingestion;
using Rag.Storage;

namespace Rag.Bench.Verify;

/// <summary>
/// Asks a great many questions of generated and real documents and compares every quote with the text that the record
/// has of that version at that span, character by character and by digest.
/// </summary>
internal static class SpanChecks
{
    private const int Questions = 3_000, QuickQuestions = 250;
    private const int GeneratedDocuments = 60;
    private const int QuickRealFiles = 90;
    private static readonly TimeSpan WaitLimit = TimeSpan.FromMinutes(5);

    public static IEnumerable<Check> All()
    {
        yield return new("spans", "quoted sentences that differ from the document's text at their span", Relation.AtMost, 0, MeasureAsync);
    }

    private static async Task<Measured> MeasureAsync(CheckContext context, CancellationToken ct)
    {
        // Where a quote comes from does not depend on how its chunk was found, so that words alone do.
        await using var store = await ScratchStore.StartNewAsync(Settings.NoModel, ct);
        var (generated, real) = await FillAsync(store, context, ct);
        if (generated < GeneratedDocuments) throw new InvalidOperationException($"Only {generated} of {GeneratedDocuments} generated documents were read.");
        await store.Get<IIndexer>().WaitForAsync(await store.Get<ChangeLog>().LastAsync(ct), WaitLimit, ct);
        var chunks = ReadChunks(store);
        var record = store.Get<DocumentRecord>();
        var answerer = store.Get<Answerer>();
        var texts = new Dictionary<(string, long), string>();
        var random = new Random(3);
        var wrong = new List<string>();
        int asked = context.Quick ? QuickQuestions : Questions, quotes = 0, answered = 0;
        for (int i = 0; i < asked; i++)
        {
            string question = QuestionOn(chunks[random.Next(chunks.Count)], random, howTo: i % 4 == 0);
            var answer = (await answerer.AskAsync(new(question), ct)).Answer.Answer;
            if (answer.Outcome == Answer.Answered) answered++;
            foreach (var source in answer.Sources)
            {
                quotes++;
                if (!texts.TryGetValue((source.Document, source.Version), out string? text))
                    texts[(source.Document, source.Version)] = text = await record.TextAsync(source.Document, source.Version, ct) ?? "";
                if (Difference(answer, source, text) is { } difference) wrong.Add($"{source.Uri} {source.Start}–{source.End}: {difference}");
            }
        }
        if (quotes == 0) throw new InvalidOperationException("No question was answered, so that nothing was compared.");
        string note = $"{quotes} quotes in {answered} answers to {asked} questions, on {generated} generated and {real} real documents";
        if (context.Quick) note += $"; smaller: {QuickRealFiles} of the real files";
        return new(wrong.Count, wrong.Count == 0 ? note : $"{note}; {string.Join("; ", wrong.Take(10))}");
    }

    private static string? Difference(Answer answer, AnswerSource source, string text)
    {
        if (source.Start < 0 || source.End > text.Length || source.Start >= source.End) return "the span lies outside the text";
        if (!text.AsSpan(source.Start, source.End - source.Start).SequenceEqual(source.Quote)) return "the quote is not what stands there";
        if (Sha256.Hex(source.Quote) != source.Sha256) return "the digest is of something else";
        if (answer.Sentences.Single(s => s.Source == source.Number).Text != source.Quote) return "the sentence is not its quote";
        return answer.Text.Contains(source.Quote, StringComparison.Ordinal) ? null : "the quote is not in the answer";
    }

    private static async Task<(int Generated, int Real)> FillAsync(ScratchStore store, CheckContext context, CancellationToken ct)
    {
        var collection = await store.Get<Collections>().EnsureAsync(Collections.Default, language: null, ct);
        string files = CheckContext.DataFolder("files"), docs = CheckContext.DataFolder("docs");
        var real = Directory.EnumerateFiles(files).Concat(Directory.EnumerateFiles(docs, "*", SearchOption.AllDirectories)).Order(StringComparer.Ordinal).ToList();
        if (context.Quick) real = real.Where((_, i) => i % (real.Count / QuickRealFiles) == 0).ToList();
        var random = new Random(4);
        var incoming = Enumerable.Range(0, GeneratedDocuments).Select(i => AwkwardText.File(i, random)).ToList();
        int written = 0;
        foreach (var file in incoming) written += await PutAsync(file);
        int read = 0;
        await Parallel.ForEachAsync(real, new ParallelOptions { MaxDegreeOfParallelism = 4, CancellationToken = ct }, async (path, token) =>
            Interlocked.Add(ref read, await PutAsync(new(path, await File.ReadAllBytesAsync(path, token)))));
        // A second version of some: quotes must be of the version that they name.
        foreach (var file in incoming.Take(GeneratedDocuments / 4)) await PutAsync(AwkwardText.Changed(file));
        return (written, read);

        async Task<int> PutAsync(IncomingFile file)
        {
            var outcomes = await store.Get<Ingestor>().IngestAsync(collection, file, ct).ToListAsync(ct);
            return outcomes.Count(o => o.Status is IngestOutcome.Created or IngestOutcome.Updated);
        }
    }

    private static List<IndexedChunk> ReadChunks(ScratchStore store)
    {
        using var snapshot = store.Get<IndexStore>().Open.Single().Acquire();
        var live = Lucene.Net.Index.MultiFields.GetLiveDocs(snapshot.Reader);
        return Enumerable.Range(0, snapshot.Reader.MaxDoc).Where(d => live is null || live.Get(d)).Select(snapshot.Load).ToList();
    }

    /// <summary>Words of one of the chunk's units, asked for in one of several ways.</summary>
    private static string QuestionOn(IndexedChunk chunk, Random random, bool howTo)
    {
        var unit = chunk.Units[random.Next(chunk.Units.Count)];
        string[] words = chunk.TextOf(unit).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        int first = random.Next(Math.Max(1, words.Length - 10));
        var question = new StringBuilder(howTo ? "how do I " : "what about ");
        foreach (string word in words.Skip(first).Take(10))
            if (question.Length + word.Length < 1_000) question.Append(word).Append(' ');
        return question.Append(chunk.Title.Length < 200 ? chunk.Title : "").ToString();
    }
}
