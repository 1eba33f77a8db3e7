using System.Data.Common;
using Microsoft.AspNetCore.Http.HttpResults;
using Rag.Access;
using Rag.Answering;
using Rag.Foundation;
using Rag.Indexing;
using Rag.Ingestion;
using Rag.Storage;

namespace Rag.App.Pages;

/// <summary>Ask: the question in the address, so that an answer can be linked to, reloaded and gone back to.</summary>
internal static class AskEndpoints
{
    private const int MaxTitles = 6;
    private const int MaxTitlesRead = 100;
    private const int MaxPanelChars = 30_000;

    public static void MapAskPages(this IEndpointRouteBuilder pages)
    {
        pages.MapGet("/", AskAsync).Needs(Role.Reader).RequireRateLimiting(LoadClass.Questions);
        pages.MapPost("/feedback", FeedbackAsync).Needs(Role.Reader).RequireRateLimiting(LoadClass.Writes);
    }

    private static async Task<RazorComponentResult<AskPage>> AskAsync(
        HttpContext context, Answerer answerer, ServerOptions server, RecordState state, IIndexer indexer, CollectionCatalog catalog, Library library, DocumentReader reader,
        CancellationToken ct, string? q = null, string? collection = null, string? source = null, string? thanks = null)
    {
        string name = string.IsNullOrWhiteSpace(collection) ? Collections.Default : collection;
        // From the index, not the record: asking goes on while the record is away.
        var names = catalog.All.Where(c => Caller.Current.MayRead(c.Id)).Select(c => c.Name).Append(name).Distinct().Order(StringComparer.Ordinal).ToList();
        var model = new AskModel(q?.Trim() ?? "", name, names, PageForms.Token(context), Thanked: thanks is not null,
            Away: state.Away ? $"The record is away. Answers come from this replica's index as of change {indexer.Position:N0}, and nothing can be added or changed until it is back." : null);
        try
        {
            if (model.Question.Length == 0) return Page(state.Away ? model : model with { Welcome = await WelcomeAsync(name, library, ct) });
            var (rendered, cached) = await TimeBudget.RunAsync(server.QuestionTimeoutMs, (answerer, new AskRequest(model.Question, name)), static (s, token) => s.answerer.AskAsync(s.Item2, token), ct);
            var answer = rendered.Given(cached);
            if (answer.LookedAt.Count == 0 && !state.Away && await WelcomeAsync(name, library, ct) is { Documents: 0 } empty) return Page(model with { Welcome = empty });
            int number = int.TryParse(source, out int n) && n >= 1 && n <= answer.Sources.Count ? n : answer.Sources.Count > 0 ? 1 : 0;
            var view = number == 0 ? null : state.Away ? Quoted(answer.Sources[number - 1], name) : await ViewAsync(answer.Sources[number - 1], name, library, reader, ct);
            return Page(model with { Answer = answer, Source = number, View = view });
        }
        catch (RagException e)
        {
            var failure = Failure.Of(e);
            return Page(model with { Failure = failure }, failure.Status);
        }

        RazorComponentResult<AskPage> Page(AskModel m, int status = 200) => PageResult.Of<AskPage, AskModel>(context, m, status);
    }

    private static async Task<Welcome> WelcomeAsync(string name, Library library, CancellationToken ct)
    {
        var collection = await library.FindAsync(name, ct) ?? (name == Collections.Default ? null : throw Collections.Unknown(name));
        long all = 0, here = 0;
        foreach (var one in await library.CollectionsAsync(ct))
        {
            long count = (await library.CountAsync(one, ct)).Documents;
            all += count;
            if (one.Id == collection?.Id) here = count;
        }
        if (collection is null) return new(0, all, [], []);
        // What stands nearest the top of a folder is most often what introduces the rest.
        var first = (await library.ListAsync(collection, "", "", MaxTitlesRead, ct)).OrderBy(d => d.Uri.Count(c => c == '/')).Take(MaxTitles);
        bool manual = here > 0 && await library.FindByUriAsync(collection, Examples.ManualUri, ct) is not null;
        return new(here, all, first.Select(d => (d.Title, Show.DocumentUrl(name, d.Id))).ToList(), manual ? Examples.Questions : []);
    }

    /// <summary>The source in its document. A record that is away, or a document that went meanwhile, leaves the quote.</summary>
    private static async Task<SourceView> ViewAsync(AnswerSource source, string name, Library library, DocumentReader reader, CancellationToken ct)
    {
        var quoted = Quoted(source, name);
        try
        {
            if (await library.FindAsync(name, ct) is not { } collection) return quoted;
            var document = await library.GetAsync(collection, source.Document, ct);
            library.Shown("read", collection, document);
            return quoted with { Excerpt = await reader.ReadAsync(collection, document, source.Version, (source.Start, source.End), source.Start, MaxPanelChars, ct) };
        }
        catch (Exception e) when (e is RagException { Kind: ErrorKind.Unavailable or ErrorKind.NotFound } or DbException)
        {
            return quoted;
        }
    }

    private static SourceView Quoted(AnswerSource source, string name) => new(source, Show.DocumentUrl(name, source.Document, source.Version, source.Start, source.End), null);

    private static async Task<RedirectHttpResult> FeedbackAsync(HttpContext context, AnswerReplay answers, CancellationToken ct)
    {
        await PageForms.CheckAsync(context);
        var form = await context.Request.ReadFormAsync(ct);
        string id = form["id"].ToString();
        if (form["rating"].ToString() is not ("1" or "-1") || !await answers.RateAsync(id, form["rating"] == "1" ? 1 : -1, null, ct))
            throw new RagException(ErrorKind.NotFound, $"There is no answer '{id}' to rate.", "Ask the question again and rate the new answer.");
        return TypedResults.LocalRedirect(Show.AskUrl(form["q"].ToString(), form["collection"].ToString()) + "&thanks=1");
    }
}
