using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Http.HttpResults;
using Rag.Access;

namespace Rag.App.Pages;

/// <summary>A page as a response: the component with its model, and the headers that every page has.</summary>
internal static class PageResult
{
    /// <summary>A page that is the same for everybody.</summary>
    public static RazorComponentResult<TPage> Of<TPage>(HttpContext context) where TPage : IComponent => Of<TPage>(context, [], 200);

    public static RazorComponentResult<TPage> Of<TPage, TModel>(HttpContext context, TModel model, int status = 200) where TPage : IComponent =>
        Of<TPage>(context, new() { ["Model"] = model }, status);

    private static RazorComponentResult<TPage> Of<TPage>(HttpContext context, Dictionary<string, object?> parameters, int status) where TPage : IComponent
    {
        SecurityHeaders.ApplyPage(context, context.RequestServices.GetRequiredService<Assets>().StyleSource);
        return new RazorComponentResult<TPage>(parameters) { StatusCode = status, PreventStreamingRendering = true };
    }
}
