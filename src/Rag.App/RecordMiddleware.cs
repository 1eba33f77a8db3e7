using System.Data.Common;
using System.Globalization;
using Microsoft.AspNetCore.RateLimiting;
using Rag.Foundation;
using Rag.Indexing;
using Rag.Storage;

namespace Rag.App;

/// <summary>
/// What the record's absence means for a request: every response says so in a header, with the change-log position that
/// this replica answers from; what would write is refused at once; and what the driver throws becomes a problem with a
/// remedy. While the record answers it costs a look at a field.
/// </summary>
internal static class RecordMiddleware
{
    public const string DegradedHeader = "Rag-Degraded", PositionHeader = "Rag-Index-Position";

    public static IApplicationBuilder UseRecordState(this IApplicationBuilder app)
    {
        var state = app.ApplicationServices.GetRequiredService<RecordState>();
        var database = app.ApplicationServices.GetRequiredService<Database>();
        var indexer = app.ApplicationServices.GetRequiredService<IIndexer>();
        return app.Use(next => context => HandleAsync(context, next, state, database, indexer));
    }

    private static async Task HandleAsync(HttpContext context, RequestDelegate next, RecordState state, Database database, IIndexer indexer)
    {
        if (state.Away)
        {
            context.Response.Headers[DegradedHeader] = "database";
            context.Response.Headers[PositionHeader] = indexer.Position.ToString(CultureInfo.InvariantCulture);
            if (context.GetEndpoint()?.Metadata.GetMetadata<EnableRateLimitingAttribute>()?.PolicyName == LoadClass.Writes) state.Require();
        }
        try
        {
            await next(context);
        }
        catch (DbException e)
        {
            throw database.Translate(e);
        }
    }
}
