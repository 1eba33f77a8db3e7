using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Http.HttpResults;
using Rag.Access;

namespace Rag.App.Pages;

/// <summary>A page as a response: the component with its model, and the headers that every page has.</summary>
internal static class PageResult
{
    public static RazorComponentResult<TPage> Of<TPage, TModel>(HttpContext context, TModel model, int status = 200) where TPage : IComponent
    {
        SecurityHeaders.ApplyPage(context, context.RequestServices.GetRequiredService<Assets>().StyleSource);
        return new RazorComponentResult<TPage>(new Dictionary<string, object?> { ["Model"] = model }) { StatusCode = status, PreventStreamingRendering = true };
    }
}
