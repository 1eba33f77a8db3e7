using Microsoft.AspNetCore.Http.HttpResults;
using Rag.Access;
using Rag.Answering;
using Rag.Foundation;
using Rag.Indexing;
using Rag.Ingestion;
using Rag.Retrieval;
using Rag.Storage;

namespace Rag.App.Pages;

/// <summary>An answer that was given, under an address of its own, with why it is what it is.</summary>
/// <param name="Ask">What the Ask page would show of it.</param>
/// <param name="Position">The index's position now; more has been written since the answer where it is greater.</param>
/// <param name="Newer">Documents that it quotes and that have a newer version since, with their addresses.</param>
/// <param name="Replay">What making it again led to; null where that was not asked for.</param>
public sealed record AnswerModel(AskModel Ask, WhyModel Why, long Position, IReadOnlyList<(string Title, string Url)> Newer, string? Missing, ReplayResult? Replay);

/// <param name="Used">Numbers of the sources taken from it.</param>
public sealed record WhyEvidence(string Title, string Url, string Place, long Version, IReadOnlyList<int> Used, float Score, float Coverage, float Cosine);

/// <param name="Terms">Words that were looked for, the rarest first.</param>
public sealed record WhyModel(
    string Id, DateTimeOffset At, string Outcome, string Answerer, string Mode, bool LexicalOnly, string Language, long IndexPosition, double Strength,
    IReadOnlyList<(string Text, float Idf)> Terms, IReadOnlyList<WhyEvidence> Evidence, AnswerGeneration? Generation);

internal static class AnswerPages
{
    public static void MapAnswerPages(this IEndpointRouteBuilder pages)
    {
        pages.MapGet("/answers/{id}", ShowAsync).Needs(Role.Reader);
        pages.MapPost("/answers/{id}/replay", ReplayAsync).Needs(Role.Reader).RequireRateLimiting(LoadClass.Questions);
    }

    private static async Task<RazorComponentResult<AnswerPage>> ShowAsync(string id, HttpContext context, [AsParameters] Services services, CancellationToken ct, string? source = null, string? thanks = null, string? @as = null)
    {
        var model = await ModelAsync(id, context, services, source, thanks is not null, null, ct);
        // The Ask page fetches what it streamed, to show it as its own.
        return PageResult.Of<AnswerPage, AnswerModel>(context, @as == "asked" ? model with { Ask = model.Ask with { Permanent = false } } : model);
    }


    private static async Task<RazorComponentResult<AnswerPage>> ReplayAsync(string id, HttpContext context, [AsParameters] Services services, CancellationToken ct)
    {
        await PageForms.CheckAsync(context);
        var replay = await services.Answers.ReplayAsync(id, ct);
        return PageResult.Of<AnswerPage, AnswerModel>(context, await ModelAsync(id, context, services, null, false, replay, ct));
    }

    /// <summary>What the pages are made from.</summary>
    internal sealed record Services(AnswerReplay Answers, SourceReader Sources, IIndexer Indexer, CollectionCatalog Catalog, Library Library, RecordState State);

    private static async Task<AnswerModel> ModelAsync(string id, HttpContext context, Services services, string? source, bool thanked, ReplayResult? replay, CancellationToken ct)
    {
        var explained = await services.Answers.ExplainAsync(id, ct);
        var record = explained.Record;
        var (number, view) = explained.Answer is { } answer ? await services.Sources.ViewAsync(answer, source, ct) : (0, null);
        var names = services.Catalog.All.Where(c => Caller.Current.MayRead(c.Id)).Select(c => c.Name).Append(record.Collection).Distinct().Order(StringComparer.Ordinal).ToList();
        var ask = new AskModel(Show.Question(record.Question), record.Collection, names, PageForms.Token(context), Answer: explained.Answer, Source: number, View: view, Thanked: thanked, Permanent: true);
        var why = new WhyModel(
            id, Clock.FromMicroseconds(record.CreatedAt), record.Outcome, record.Answerer, record.Mode, record.LexicalOnly, record.Language, record.IndexPosition, record.Strength,
            [.. record.Terms.OrderByDescending(t => t.Idf).Select(t => (t.Text, t.Idf))],
            [.. explained.Evidence.Select(e => Row(record.Collection, e))], record.Generation?.Shown);
        var newer = services.State.Away ? [] : await NewerAsync(record, services.Library, ct);
        return new(ask, why, services.Indexer.Position, newer, explained.Missing, replay);
    }

    private static WhyEvidence Row(string collection, ExplainedEvidence explained)
    {
        var e = explained.Evidence;
        return new(e.Title, Show.DocumentUrl(collection, e.Document, e.Version, e.Start, e.End), Show.Place(e.Title, e.HeadingPath, e.Page), e.Version, explained.Sources, e.Score, e.Coverage, e.Cosine);
    }

    private static async Task<IReadOnlyList<(string Title, string Url)>> NewerAsync(AnswerRecord record, Library library, CancellationToken ct)
    {
        if (await library.FindAsync(record.Collection, ct) is not { } collection) return [];
        var newer = new List<(string, string)>();
        foreach (var quoted in record.Choices.Select(c => record.Evidence[c.Evidence]).DistinctBy(e => e.Document))
        {
            try
            {
                var now = await library.GetAsync(collection, quoted.Document, ct);
                if (now.Version > quoted.Version) newer.Add((now.Title, DifferencesPages.Url(record.Collection, now.Id, quoted.Version, now.Version)));
            }
            catch (RagException e) when (e.Kind == ErrorKind.NotFound)
            {
                // Said by what is missing.
            }
        }
        return newer;
    }
}
