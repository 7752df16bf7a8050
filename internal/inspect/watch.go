package inspect

import "context"

func (i *inspection) watch(context.Context, string) {}
