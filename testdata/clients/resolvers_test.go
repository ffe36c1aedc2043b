// SPDX-License-Identifier: Apache-2.0

package clients

import "testing"

func (p *play) throughDaemon(t *testing.T) {}

func (p *play) throughResolved(t *testing.T) {}
