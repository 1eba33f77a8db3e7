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

    public static void MapAskPages(this IEndpointRouteBuilder pages)
    {
        pages.MapGet("/", AskAsync).Needs(Role.Reader).RequireRateLimiting(LoadClass.Questions);
        pages.MapGet("/history", (HttpContext context) => PageResult.Of<HistoryPage>(context)).Needs(Role.Reader);
        pages.MapPost("/feedback", FeedbackAsync).Needs(Role.Reader).RequireRateLimiting(LoadClass.Writes);
    }

    private static async Task<RazorComponentResult<AskPage>> AskAsync(
        HttpContext context, Answerer answerer, AnswerReplay answers, ServerOptions server, RecordState state, IIndexer indexer, CollectionCatalog catalog, Library library, SourceReader sources,
        CancellationToken ct, string? q = null, string? collection = null, string? source = null, string? thanks = null, string? after = null)
    {
        string name = string.IsNullOrWhiteSpace(collection) ? Collections.Default : collection;
        // From the index, not the record: asking goes on while the record is away.
        var names = catalog.All.Where(c => Caller.Current.MayRead(c.Id)).Select(c => c.Name).Append(name).Distinct().Order(StringComparer.Ordinal).ToList();
        var model = new AskModel(q?.Trim() ?? "", name, names, PageForms.Token(context), Thanked: thanks is not null, Streams: answerer.Streams,
            Away: state.Away ? $"The record is away. Answers come from this replica's index as of change {indexer.Position:N0}, and nothing can be added or changed until it is back." : null);
        try
        {
            if (model.Question.Length == 0) return Page(state.Away ? model : model with { Welcome = await WelcomeAsync(name, library, ct) });
            var (turns, history) = await TurnsAsync(after, answers, ct);
            model = model with { Turns = turns };
            var (rendered, cached) = await TimeBudget.RunAsync(server.QuestionTimeoutMs, (answerer, new AskRequest(model.Question, name, History: history)), static (s, token) => s.answerer.AskAsync(s.Item2, token), ct);
            var answer = rendered.Given(cached);
            if (answer.LookedAt.Count == 0 && !state.Away && await WelcomeAsync(name, library, ct) is { Documents: 0 } empty) return Page(model with { Welcome = empty });
            var (number, view) = await sources.ViewAsync(answer, source, ct);
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

    /// <summary>The conversation that a question follows; null where it is the first.</summary>
    private static async Task<(IReadOnlyList<PriorTurn> Turns, IReadOnlyList<AskTurn>? History)> TurnsAsync(string? after, AnswerReplay answers, CancellationToken ct)
    {
        var ids = (after ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (ids.Length == 0) return ([], null);
        if (ids.Length > AskModel.MaxTurns) throw new RagException(ErrorKind.Invalid, $"The address names {ids.Length} answers before this question; at most {AskModel.MaxTurns} are read.", "Ask from the page of the last answer.");
        var history = new List<(PriorTurn Turn, AskTurn Told)>();
        foreach (string id in ids)
        {
            var before = await answers.ExplainAsync(id, ct);
            history.Add((new(id, Show.Question(before.Record.Question)), new(before.Record.Question, before.Answer?.Text is { } text ? Shortened(text) : null)));
        }
        return (history.ConvertAll(h => h.Turn), history.ConvertAll(h => h.Told));
    }

    private static string Shortened(string text) => text.Length <= AskTurn.MaxAnswerChars ? text : text[..(AskTurn.MaxAnswerChars - (char.IsHighSurrogate(text[AskTurn.MaxAnswerChars - 1]) ? 1 : 0))];

    private static async Task<RedirectHttpResult> FeedbackAsync(HttpContext context, AnswerReplay answers, CancellationToken ct)
    {
        await PageForms.CheckAsync(context);
        var form = await context.Request.ReadFormAsync(ct);
        string id = form["id"].ToString();
        if (form["rating"].ToString() is not ("1" or "-1") || !await answers.RateAsync(id, form["rating"] == "1" ? 1 : -1, null, ct))
            throw new RagException(ErrorKind.NotFound, $"There is no answer '{id}' to rate.", "Ask the question again and rate the new answer.");
        return TypedResults.LocalRedirect(form["page"] == "answer" ? Show.AnswerUrl(id) + "?thanks=1" : Show.AskUrl(form["q"].ToString(), form["collection"].ToString(), after: form["after"].ToString()) + "&thanks=1");
    }
}
